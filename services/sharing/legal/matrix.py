"""The law as a table that can be reviewed: every question's answer as intervals between dates, those alike together.

Only what is not a plain no is written out; what is refused to everybody is one line. A change of law shows as a difference of it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import NamedTuple

from services.sharing.legal.answer import Answer, Question, choose
from services.sharing.legal.data import Matter, Subject
from services.sharing.legal.load import Law
from services.sharing.legal.prepared import Rule

_DAY = timedelta(days=1)
_SAYS: tuple[tuple[str, Subject | None, Matter | None], ...] = (
    ("", None, None),
    ("samordningsnummer", "samordningsnummer", None),
    ("environment", None, "environment"),
    ("alcohol", None, "alcohol"),
    ("assistance", None, "assistance"),
)
"""What a question may say of the matter; the first says nothing, and the others are written where they change the answer."""


class Asked(NamedTuple):
    """One way of asking between the same two."""

    says: str
    on_request: bool
    secrecy: str


class Interval(NamedTuple):
    """An answer and the days it holds, both included."""

    first: date
    last: date | None
    answer: str


Cells = dict[Asked, tuple[Interval, ...]]


def table(law: Law) -> str:
    """The whole table as text."""
    senders, receivers = alike_senders(law), alike_receivers(law)
    never = ", ".join(code for code, row in law.secrecy_classes.items() if row.never)
    lines = [
        "The answers of the law, as the platform ships. Generated: python -m services.sharing.legal.documents",
        "",
        "Each line: asked or unasked, the secrecy classes, the days, the answer, and from whom. The answer is on or outside with ground,",
        "flow and who decides, or off with the grounds a jurist may open. What is not here is refused.",
        f"Class {never}: nothing, from anybody, to anybody.",
        "",
        "A word with + stands for all those that the law treats alike:",
        *(f"  from {name}: {', '.join(group)}" for name, group in senders.items() if len(group) > 1),
        *(f"  to {name}: {', '.join(group)}" for name, group in receivers.items() if len(group) > 1),
    ]
    for kind in law.record_kinds:
        lines += ["", "", kind, "=" * len(kind), *_kind(law, kind, senders, receivers)]
    return "\n".join(lines) + "\n"


def alike_senders(law: Law) -> dict[str, list[str]]:
    """The sender kinds that every ground and flow treats alike, under the name of the first."""

    def same(code: str) -> object:
        kinds = law.implied[code]
        flows = (route for rule in law.rules for routes in rule.routes.values() for route in routes)
        narrow = {frozenset(words) for route in flows for words in (route.senders, route.not_senders) if words}
        return [not rule.senders.isdisjoint(kinds) for rule in law.rules], [
            not words.isdisjoint(kinds) for words in sorted(narrow, key=sorted)
        ]

    return _alike(law.sender_kinds, same)


def alike_receivers(law: Law) -> dict[str, list[str]]:
    """The receiver kinds that every ground and flow treats alike, under the name of the first."""

    def same(code: str) -> object:
        reached = [
            {kind: [(route.flow, route.channel, sorted(route.not_senders)) for route in routes]}
            for rule in law.rules
            for (kind, to), routes in rule.routes.items()
            if to == code
        ]
        return reached, [code in rule.only_to for rule in law.rules if rule.only_to], [code in rule.receivers for rule in law.rules]

    return _alike({to for receivers in law.receivers.values() for to in receivers.values()}, same)


def _alike(words: Iterable[str], same: Callable[[str], object]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for word in sorted(words):
        groups[repr(same(word))].append(word)
    return {group[0] + ("+" if len(group) > 1 else ""): group for group in groups.values()}


def cells(law: Law, kind: str, sender: str, receiver: str) -> Cells:
    """Every answer between these two that is not a plain no."""
    rules = [rule for rule in law.rules if rule.routes.get((kind, receiver)) and not rule.senders.isdisjoint(law.implied[sender])]
    found: Cells = {}
    for says, subject, matter in _SAYS if rules else ():
        for on_request in (False, True):
            for code in ("none", *(code for code, row in law.secrecy_classes.items() if not row.never)):
                asked = Asked(says, on_request, code)
                question = Question(kind, frozenset({sender}), receiver, date.max, on_request, frozenset({code}), subject, None, matter)
                intervals = tuple(_intervals(law, question, rules))
                dry = found.get(asked._replace(says=""), ())
                if intervals != dry and (intervals or says != ""):
                    found[asked] = intervals
    return found


def _intervals(law: Law, question: Question, rules: Iterable[Rule]) -> Iterator[Interval]:
    """The answers of one question through time; neighbours that are alike are one."""
    edges = sorted({edge for rule in rules for edge in (rule.first, _after(rule.last)) if edge is not None})
    current: Interval | None = None
    for edge, following in zip(edges, [*edges[1:], None], strict=True):
        answer = choose(law, replace(question, on=edge))
        last = None if following is None else following - _DAY
        text = _text(answer)
        if current is not None and current.answer == text:
            current = current._replace(last=last)
            continue
        if current is not None and current.answer:
            yield current
        current = Interval(edge, last, text)
    if current is not None and current.answer:
        yield current


def _after(last: date) -> date | None:
    return None if last == date.max else last + _DAY


def _text(answer: Answer) -> str:
    """An answer in a few words; a plain no is empty."""
    if answer.ground is not None:
        channel = "" if answer.channel or answer.switch == "outside" else ", no channel"
        return f"{answer.switch}{channel}: {answer.ground.id}, {answer.flow}, {answer.decision_by}"
    shut = [reason.ground for reason in answer.reasons if reason.code == "off"]
    return f"off: {', '.join(shut)}" if shut else ""


def _kind(law: Law, kind: str, senders: Mapping[str, list[str]], receivers: Mapping[str, list[str]]) -> Iterator[str]:
    """The table of one record kind; receivers that are told the same stand together."""
    told: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for name, group in receivers.items():
        by_line: dict[str, list[str]] = defaultdict(list)
        for sender, codes in senders.items():
            for line in _lines(cells(law, kind, codes[0], group[0])):
                by_line[line].append(sender)
        told[tuple(f"  {line}; from {_together(law, senders, who)}" for line, who in by_line.items())].append(name)
    refused = told.pop((), [])
    for lines, names in sorted(told.items(), key=lambda item: item[1]):
        yield ""
        yield f"to {', '.join(names)}"
        yield from lines
    if refused:
        yield ""
        yield f"refused to {', '.join(refused)}" if told else "refused to everybody"


def _together(law: Law, senders: Mapping[str, list[str]], names: list[str]) -> str:
    """Sender names in a row; all nämnder, and all state agencies, are two words."""
    every = {
        "every nämnd": {name for name, codes in senders.items() if "kommun-namnd" in law.implied[codes[0]]},
        "every state agency": {name for name, codes in senders.items() if "statlig-myndighet" in law.implied[codes[0]]},
    }
    words = [word for word, members in every.items() if members <= set(names)]
    named = set().union(*(every[word] for word in words))
    return ", ".join([*words, *(name for name in names if name not in named)])


def _lines(found: Mapping[Asked, tuple[Interval, ...]]) -> Iterator[str]:
    """The lines between two: ways of asking and classes with the same answer stand together."""
    ways: dict[tuple[str, str, tuple[Interval, ...]], list[str]] = defaultdict(list)
    for says, on_request, secrecy in found:
        ways[says, secrecy, found[Asked(says, on_request, secrecy)]].append("asked" if on_request else "unasked")
    alike: dict[tuple[str, str, tuple[Interval, ...]], list[str]] = defaultdict(list)
    for (says, secrecy, intervals), how in ways.items():
        alike[says, " or ".join(how), intervals].append(secrecy)
    for (says, asked, intervals), classes in alike.items():
        about = f" about {says}" if says else ""
        for first, last, answer in intervals or (Interval(date.min, None, "no"),):
            days = f"{first} – {last or ''}".rstrip()
            yield f"{asked}{about}; {' '.join(classes)}; {days}; {answer}"
