"""`los legal`: the grounds, and a dry answer to "may this go to them, that day?". Needs no stack and stores nothing."""

import json
from collections.abc import Collection
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from cli.common import wrong_use

if TYPE_CHECKING:
    from services.sharing.legal import Answer, Ground, Law, Question

app = typer.Typer(help="Lagens grunder, och svar på om en uppgift får lämnas.", no_args_is_help=True)

_SUBJECTS = ("personnummer", "samordningsnummer", "company")
_MATTERS = ("environment", "alcohol", "assistance")
_KINDS = {"duty": "skyldighet", "permission": "möjlighet"}
_SWITCHES = {
    "on": "öppet",
    "off": "stängt tills en jurist öppnar det",
    "outside": "görs av en person utanför plattformen",
    "none": "finns inte",
}
_AsJson = Annotated[bool, typer.Option("--json", help="Skriv bara JSON.")]


@app.command()
def grounds(
    on: Annotated[str | None, typer.Option(help="Bara det som gäller den dagen, till exempel 2026-11-23.")] = None,
    as_json: _AsJson = False,  # noqa: FBT002
) -> None:
    """Visa lagens grunder och när de gäller."""
    from services.sharing.legal import law  # noqa: PLC0415 - `los --help` reads no law

    rules = law()
    day = None if on is None else _day(on)
    rows = [ground for ground in rules.grounds.values() if day is None or _in_force(ground, day)]
    rows.sort(key=lambda ground: (rules.statutes[ground.id], ground.effective_from, ground.id))
    if as_json:
        print(json.dumps([_ground(rules, ground) for ground in rows], ensure_ascii=False, indent=2))
        return
    for ground in rows:
        until = "tills vidare" if ground.effective_to is None else f"till och med {ground.effective_to}"
        print(f"{ground.id}: {ground.title_sv}")
        print(f"    {ground.citation} ({ground.sfs}), {_KINDS[ground.kind]}")
        print(f"    gäller från och med {ground.effective_from} {until}")
        if not ground.verified:
            print(f"    avstängd: {ground.shut_because}")
    print("Det här ser ut som en grund men är det inte:")
    for near in rules.not_a_basis.values():
        print(f"{near.id}: {near.citation}. {near.why}")


@app.command()
def explain(
    *,
    record_kind: Annotated[str, typer.Option(help="Uppgiftens slag, till exempel folkbokforing_alert.")],
    sender_kind: Annotated[list[str], typer.Option(help="Vem som lämnar, till exempel socialnamnd. Kan upprepas.")],
    receiver: Annotated[str, typer.Option(help="Vem som får, till exempel forsakringskassan eller skatteverket.")],
    on: Annotated[str, typer.Option(help="Dagen, till exempel 2026-11-23.")],
    on_request: Annotated[bool, typer.Option("--on-request", help="Mottagaren har frågat.")] = False,
    secrecy: Annotated[list[str] | None, typer.Option(help="Sekretess, till exempel 26:1, eller none. Kan upprepas.")] = None,
    subject: Annotated[str | None, typer.Option(help="personnummer, samordningsnummer eller company.")] = None,
    matter: Annotated[
        str | None, typer.Option(help="Vad det gäller: environment (miljöbrott), alcohol eller assistance (assistansersättning).")
    ] = None,
    as_json: _AsJson = False,
) -> None:
    """Svara på om en uppgift får lämnas, på vilken grund och med vilka fält."""
    from services.sharing.legal import Question, choose, law  # noqa: PLC0415 - as above

    rules = law()
    _known("--record-kind", [record_kind], rules.record_kinds)
    _known("--sender-kind", sender_kind, rules.sender_kinds)
    _known("--receiver", [receiver], rules.receivers[record_kind])
    _known("--secrecy", secrecy or [], ("none", *rules.secrecy_classes))
    _known("--subject", [] if subject is None else [subject], _SUBJECTS)
    _known("--matter", [] if matter is None else [matter], _MATTERS)
    question = Question(
        record_kind=record_kind,
        sender_kinds=frozenset(sender_kind),
        receiver=receiver,
        on=_day(on),
        on_request=on_request,
        secrecy=frozenset(secrecy) if secrecy else None,
        subject=subject,  # type: ignore[arg-type]  # one of the words above
        matter=matter,  # type: ignore[arg-type]  # the same
    )
    answer = choose(rules, question)
    if as_json:
        print(json.dumps(_answer(answer), ensure_ascii=False, indent=2))
    else:
        _say(rules, question, answer)
    raise typer.Exit(0 if answer.allowed else 1)


def _answer(answer: "Answer") -> dict[str, object]:
    """The answer in the keys of design 3."""
    return {
        "allowed": answer.allowed,
        "ground": answer.ground.id if answer.ground is not None else None,
        "kind": answer.kind,
        "switch": answer.switch,
        "decision_by": answer.decision_by,
        "fields": list(answer.fields),
        "reasons": [reason._asdict() for reason in answer.reasons],
    }


def _ground(rules: "Law", ground: "Ground") -> dict[str, object]:
    """A ground as a list shows it."""
    return {
        "id": ground.id,
        "statute": rules.statutes[ground.id],
        "title": ground.title_sv,
        "citation": ground.citation,
        "sfs": ground.sfs,
        "kind": ground.kind,
        "effective_from": ground.effective_from.isoformat(),
        "effective_to": None if ground.effective_to is None else ground.effective_to.isoformat(),
        "record_kinds": list(ground.record_kinds),
        "sender_kinds": list(ground.sender_kinds),
        "receivers": list(ground.receivers),
        "verified": ground.verified,
        "shut_because": ground.shut_because or None,
        "digest": ground.digest,
    }


def _say(rules: "Law", question: "Question", answer: "Answer") -> None:
    """The answer in Swedish."""
    ground = answer.ground
    if ground is None or answer.decision_by is None:
        print(f"NEJ. Uppgiften får inte lämnas till {question.receiver} den {question.on}.")
        print(f"Flödet: {_SWITCHES[answer.switch]}.")
    else:
        print(f"JA. {ground.citation} ({_KINDS[ground.kind]}, {ground.id}).")
        channel = "" if answer.channel or answer.switch == "outside" else " Det finns ingen kanal härifrån."
        print(f"Flödet: {_SWITCHES[answer.switch]}.{channel}")
        print(f"Beslutas av: {rules.decided_by[answer.decision_by]}.")
        if answer.brake is not None:
            print(f"Att ta ställning till: {rules.brakes[answer.brake].text}")
        print("Det här får lämnas:")
        for name in answer.fields:
            print(f"    {name}")
    print("Så prövades grunderna:")
    for reason in answer.reasons:
        print(f"    steg {reason.step}, {reason.ground or 'delningsmatrisen'}: {reason.text}")


def _in_force(ground: "Ground", day: date) -> bool:
    """Whether the ground is in force that day; both ends count."""
    return ground.effective_from <= day and (ground.effective_to is None or day <= ground.effective_to)


def _day(text: str) -> date:
    """The day, or exit 2."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        wrong_use("--on: datumet går inte att läsa. Skriv till exempel 2026-11-23.")


def _known(option: str, words: Collection[str], known: Collection[str]) -> None:
    """Exit 2, with the list, when a word is not in it."""
    for word in words:
        if word not in known:
            wrong_use(f"{option}: ordet {word!r} finns inte i listan. Välj något av: {', '.join(sorted(known))}.")
