"""The public register of sharing: per flow what goes, from whom, to whom and why, made from the law as it is switched on."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from services.kernel.reference import reference
from services.sharing.legal.load import Law
from services.sharing.legal.prepared import INSIDE, Route, Rule

_KINDS = {"duty": "skyldighet", "permission": "möjlighet"}
_HOW = {"own_initiative": "på eget initiativ", "on_request": "när mottagaren har frågat", "both": "på eget initiativ eller på begäran"}


@dataclass(frozen=True, slots=True)
class Power:
    """A ground the flow lies on; days in ISO form, `until` empty while it holds."""

    ground: str
    citation: str
    kind: str
    initiative: str
    since: str
    until: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One open flow: the public facts in Swedish, and codes (`fields`, `senders`, `receivers`) for machines."""

    id: str
    name: str
    record_kind: str
    purpose: str
    benefit: str
    power: tuple[Power, ...]
    data: tuple[str, ...]
    fields: tuple[str, ...]
    senders: tuple[str, ...]
    receivers: tuple[str, ...]
    decided_by: str
    method: str
    note: str
    retention: str
    start: str
    review: str


def register(law: Law, opened: frozenset[str] = frozenset()) -> list[Entry]:
    """Every flow by which the kommun tells somebody something. `opened` as in `choose`; what ships off is not in it."""
    entries = []
    for flow in law.flows.values():
        pairs = [(rule, route) for rule in law.rules for routes in rule.routes.values() for route in routes if route.flow == flow.id]
        pairs = [(rule, route) for rule, route in pairs if flow.switch != "off" or flow.id in opened]
        pairs = [(rule, route) for rule, route in pairs if rule.ground.verified or rule.ground.id in opened]
        senders = sorted({code for rule, route in pairs for code in _senders(law, rule, route)})
        if not senders:
            continue
        routes = [route for _, route in pairs]
        purpose, said = law.register.purposes[flow.serves], law.register
        ways = [said.outside] if flow.switch == "outside" else [said.bus if channel else said.other_way for channel in _channels(routes)]
        fields = dict.fromkeys(name for route in routes for names in route.fields.values() for name in names).keys()
        power = sorted({_power(route) for route in routes}, key=lambda row: (row.since, row.ground))
        entries.append(
            Entry(
                id=flow.id,
                name=flow.name,
                record_kind=flow.record_kind,
                purpose=purpose.purpose,
                benefit=purpose.benefit,
                power=tuple(power),
                data=tuple(said.set_words[part] for part in ("ENV", *flow.goes) if not fields.isdisjoint(law.sets[part])),
                fields=tuple(fields),
                senders=tuple(senders),
                receivers=tuple(sorted({route.receiver for route in routes})),
                decided_by=law.decided_by[routes[0].decision_by],
                method=" ".join(ways),
                note=flow.note,
                retention=said.retention,
                start=power[0].since,
                review=said.review,
            )
        )
    return entries


def as_json(entries: Iterable[Entry]) -> str:
    """The register for machines."""
    return json.dumps([asdict(entry) for entry in entries], ensure_ascii=False, indent=1) + "\n"


def as_markdown(law: Law, entries: Iterable[Entry]) -> str:
    """The register for the public, in Swedish."""
    known = reference()
    lines = [
        "# Register över delning av uppgifter",
        "",
        "Här står vad kommunen kan lämna till andra i arbetet mot välfärdsbrott: vad, varför, till vem och med stöd av vilken lag.",
        "Varje gång beslutar en namngiven person. Det som inte står här lämnas inte. En möjlighet som kommunens jurist inte har öppnat",
        "står inte här.",
        "",
        "Registret görs av lagen och flödena med `python -m services.sharing.legal.documents`. Samma innehåll för maskiner finns i",
        "[sharing-register.json](sharing-register.json).",
        "",
        f"**Hur länge uppgiften finns kvar.** {law.register.retention}",
        "",
        f"**Översyn.** {law.register.review}",
    ]
    for entry in entries:
        lines += [
            "",
            f"## {entry.name}",
            "",
            f"- **Ändamål:** {entry.purpose}",
            f"- **Nytta:** {entry.benefit}",
            f"- **Lagstöd:** {'; '.join(in_words(entry.power))}",
            f"- **Uppgifter:** {'; '.join(entry.data)}",
            f"- **Från:** {', '.join(law.sender_kinds[code].word for code in entry.senders)}",
            f"- **Till:** {', '.join(known.receivers[code].word for code in entry.receivers)}",
            f"- **Beslutas av:** {entry.decided_by}",
            f"- **Hur:** {entry.method}",
            f"- **Gäller sedan:** {entry.start}",
            *([f"- **Att veta:** {entry.note}"] if entry.note else []),
        ]
    return "\n".join(lines) + "\n"


def _senders(law: Law, rule: Rule, route: Route) -> Iterable[str]:
    """The sender kinds of the kommun that this flow is for."""
    for code, implied in law.implied.items():
        fits = (route.senders is None or not route.senders.isdisjoint(implied)) and route.not_senders.isdisjoint(implied)
        if fits and not INSIDE.isdisjoint(implied) and not rule.senders.isdisjoint(implied):
            yield code


def _channels(routes: Iterable[Route]) -> list[bool]:
    """Whether some go over the bus, and whether some go another way, the bus first."""
    return sorted({route.channel for route in routes}, reverse=True)


def _power(route: Route) -> Power:
    """The ground, as the register names it."""
    ground = route.ground
    until = ground.effective_to.isoformat() if ground.effective_to else ""
    return Power(ground.id, ground.citation, _KINDS[ground.kind], _HOW[ground.initiative], ground.effective_from.isoformat(), until)


def in_words(power: Iterable[Power]) -> Iterable[str]:
    """Each provision in a sentence; versions of one provision follow one another and are one."""
    by_citation: dict[str, list[Power]] = {}
    for row in power:
        by_citation.setdefault(row.citation, []).append(row)
    for citation, rows in by_citation.items():
        until = f" till och med {rows[-1].until}" if rows[-1].until else ""
        yield f"{citation} ({rows[0].kind}, {rows[0].initiative}; från och med {rows[0].since}{until})"
