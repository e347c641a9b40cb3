"""Reference data that several services share: units, agencies, benefits, causes, the words users write for them.

The rows are TOML beside this file; each names its source (sharing-matrix 2, 3 and 7, workflows 5 and 6). Codes travel
and are stored; words are what Swedish users write and read. Every list is a `Words`: found by code or by any of its
words, whatever the case and spacing.
"""

import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Generic, Literal, TypeVar

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

_FOLDER = Path(__file__).with_suffix("")
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Word:
    """A code and the Swedish words for it; `word` is the one we write, `also` those we understand too."""

    code: str
    word: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Unit(Word):
    """A förvaltning of the kommun, with what it may hold. `function` is neutral: it tells nothing of the person.

    `checks_suppliers`: it buys for the kommun, and holds supplier checks; those are shared with nobody (sharing-matrix 2).
    `delegation`: the point of its delegation that a decision to tell usually rests on; whoever decides sees it and may write another.
    `points_to_socialtjanst`: a unit with socialtjänst may learn that this one may have something, never the other way (sharing-matrix 5.8).
    """

    @dataclass(frozen=True, kw_only=True, config=_STRICT)
    class Holding:
        """Sender kinds and default secrecy class of one record kind at one unit; `plan_secrecy` for set PLAN."""

        sender_kinds: frozenset[str]
        secrecy: str
        plan_secrecy: str | None = None

    authority: str
    function: str
    mailbox: str
    delegation: str = ""
    checks_suppliers: bool = False
    points_to_socialtjanst: bool = False
    holds: Mapping[str, Holding] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Agency(Word):
    """An agency with a topic of its own; `receivers` says which receiver kind gets each record kind."""

    receivers: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Receiver(Word):
    """A receiver kind. `keyed`: it can be reached over the bus; `decides`: it may have decided a benefit (2008:206).

    `invited_by_hand`: it may be invited to an operation, and answers another way than the bus (sharing-matrix 5.3, inv-other).
    """

    group: Literal["state", "municipal", "region", "association", "court", "private"]
    agency: str | None = None
    keyed: bool = False
    decides: bool = False
    invited_by_hand: bool = False

    @property
    def is_swedish_authority(self) -> bool:
        """Whether it is inside `any-swedish-authority` (OSL 2:3): a municipal company is, an a-kassa is not."""
        return self.group in {"state", "municipal", "region"}


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Benefit(Word):
    """A welfare benefit and the receiver kinds that may have decided it; none: no notice (sharing-matrix 7.1)."""

    decided_by: tuple[str, ...]
    mark: Literal["sure", "ask", "uncertain"]
    residence_based: bool = False
    source: str = ""


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Scheme(Word):
    """A payment scheme of the kommun and the record kind a flag on it becomes (sharing-matrix 7.2).

    `decided_by` is the unit whose nämnd decides it; none where that is not settled.
    """

    record_kind: str | None = None
    decided_by: str | None = None


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Observation(Word):
    """What a landlord may observe. `weak`: never sent (sharing-matrix 2.1), so it has no sentence."""

    weak: bool = False
    sentence: str | None = None


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Source(Word):
    """Who saw it. `needs_review`: not assessed before the officer has a dated fact of their own."""

    needs_review: bool = False


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Cause(Word):
    """Why a payment is suspected. A cause without a sentence is never told to a receiver."""

    opens: frozenset[str] = frozenset()
    own_error: bool = False
    sentence: str | None = None

    def opens_question_about(self, benefit: Benefit) -> bool:
        """Whether the cause lets an officer ask about this other benefit (sharing-matrix 7.3); it never answers."""
        return benefit.code in self.opens or "@same" in self.opens or ("@residence" in self.opens and benefit.residence_based)


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Finding(Word):
    """What was found at a control; no person is in it."""

    sentence: str


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class ControlGround(Word):
    """An authority's ground for its own inspection; its `word` is the citation. Never a ground to share on (hs-05)."""

    authority_kind: str
    gives_access_to: str
    home_or_limit: str
    police_help: str
    verified: bool


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Method(Word):
    """A lawful way to find something out. `needs_ground`: in law, named by the officer; `needs_consent`: the person's own."""

    needs_ground: bool = False
    needs_consent: bool = False


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class RecoveryGround(Word):
    """A ground to claim back payments of these schemes made on these days, both included; its `word` is the citation."""

    schemes: tuple[str, ...]
    payments_from: date = date.min
    payments_to: date = date.max

    def covers(self, month: str) -> bool:
        """Whether a month (YYYY-MM) is inside; the days begin and end with a month."""
        return self.payments_from.isoformat()[:7] <= month <= self.payments_to.isoformat()[:7]


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class LinkEvidence(Word):
    """Why two records are linked. `hint`: what another unit may have something about; none: too weak to point with."""

    hint: str | None = None


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class LinkReason(Word):
    """Why a person confirms a link, or breaks it."""

    confirms: bool


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class TipReason(Word):
    """Why a tip was decided on; `decisions`: which decisions the reason may carry."""

    decisions: frozenset[str]


W = TypeVar("W", bound=Word)


class Words(Generic[W]):
    """The rows of one list, found by code or by word. Two rows that claim the same word are a fault in the data."""

    def __init__(self, rows: Iterable[W]) -> None:
        """Index the rows. Raises ValueError when two rows claim one word."""
        self._by_code: dict[str, W] = {}
        self._by_word: dict[str, W] = {}
        for row in rows:
            self._by_code[row.code] = row
            for text in (row.code, row.word, *row.also):
                if self._by_word.setdefault(plain(text), row) is not row:
                    raise ValueError(f"{row.code}: the word {text!r} already means {self._by_word[plain(text)].code}")

    def find(self, text: str) -> W | None:
        """The row that a user means by `text` (code or word, any case and spacing), or None."""
        return self._by_word.get(plain(text))

    def __getitem__(self, code: str) -> W:
        """The row of exactly this code. Raises KeyError."""
        return self._by_code[code]

    def __contains__(self, code: object) -> bool:
        return code in self._by_code

    def __iter__(self) -> Iterator[W]:
        return iter(self._by_code.values())

    def __len__(self) -> int:
        return len(self._by_code)

    @property
    def words(self) -> tuple[str, ...]:
        """The Swedish words, in the order of the file; for {lista} in a message."""
        return tuple(row.word for row in self)


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid", arbitrary_types_allowed=True))
class Reference:
    """Everything in the folder."""

    units: Words[Unit]
    agencies: Words[Agency]
    receivers: Words[Receiver]
    benefits: Words[Benefit]
    schemes: Words[Scheme]
    impulses: Words[Word]
    causes: Words[Cause]
    observations: Words[Observation]
    findings: Words[Finding]
    sources: Words[Source]
    error_kinds: Words[Word]
    control_grounds: Words[ControlGround]
    methods: Words[Method]
    recovery_grounds: Words[RecoveryGround]
    supplier_signs: Words[Word]
    look_up_purposes: Words[Word]
    link_evidence: Words[LinkEvidence]
    link_reasons: Words[LinkReason]
    object_types: Words[Word]
    tip_sources: Words[Word]
    suspicion_types: Words[Word]
    reliabilities: Words[Word]
    relevances: Words[Word]
    tip_reasons: Words[TipReason]
    abort_reasons: Words[Word]
    hold_reasons: Words[Word]

    def decides(self, benefit: str, receiver_kind: str) -> bool:
        """Whether a body of this receiver kind may have decided the benefit (codes; sharing-matrix 7.1)."""
        row = self.benefits.find(benefit)
        return row is not None and receiver_kind in row.decided_by

    def deciding_body(self, text: str) -> Receiver | None:
        """The receiver kind a user means in "Beslutande myndighet", or None when it never decides a benefit."""
        receiver = self.receivers.find(text)
        return receiver if receiver is not None and receiver.decides else None

    def question_is_open(self, causes: Iterable[str], benefit: str) -> bool:
        """Whether these causes (codes) open the question of this other benefit. The kommun's own error shuts it."""
        rows = [self.causes[code] for code in causes]
        other = self.benefits[benefit]
        return not any(row.own_error for row in rows) and any(row.opens_question_about(other) for row in rows)

    def receiver_of(self, agency: str, record_kind: str) -> Receiver | None:
        """The receiver kind of the agency (code) that gets this record kind, or None (sharing-matrix 3)."""
        code = self.agencies[agency].receivers.get(record_kind)
        return None if code is None else self.receivers[code]


def sentence(row: Observation | Cause | Finding, period_from: date | None, period_to: date | None) -> str:
    """The Swedish sentence of a coded fact, with its days. Raises ValueError for a code that is never told."""
    if row.sentence is None:
        raise ValueError(f"{row.code}: is never told to a receiver")
    start = f" från och med {period_from.isoformat()}" if period_from else ""
    end = f" till och med {period_to.isoformat()}" if period_to else ""
    return row.sentence.format(period=start + end)


@cache
def reference() -> Reference:
    """The reference data, read once. Raises ValueError or pydantic's error, with the file, when it is wrong."""
    causes = _rows("causes", "cause", Cause)
    benefits = _rows("benefits", "benefit", Benefit)
    receivers = _rows("agencies", "receiver", Receiver)
    for cause in causes:
        for code in cause.opens - {"@same", "@residence"}:
            benefits[code]
    for benefit in benefits:
        for code in benefit.decided_by:
            if not receivers[code].decides:
                raise ValueError(f"benefits.toml, {benefit.code}: {code} never decides a benefit")
    units, schemes = _rows("units", "unit", Unit), _rows("schemes", "scheme", Scheme)
    for scheme in schemes:
        if scheme.decided_by is not None and "police_report" not in units[scheme.decided_by].holds:
            raise ValueError(f"schemes.toml, {scheme.code}: {scheme.decided_by} has no police report to make")
    recovery_grounds = _rows("cases", "recovery_ground", RecoveryGround)
    for ground in recovery_grounds:
        for code in ground.schemes:
            schemes[code]
    return Reference(
        units=units,
        agencies=_rows("agencies", "agency", Agency),
        receivers=receivers,
        benefits=benefits,
        schemes=schemes,
        impulses=_rows("schemes", "impulse", Word),
        causes=causes,
        observations=_rows("alerts", "observation", Observation),
        findings=_rows("findings", "finding", Finding),
        sources=_rows("alerts", "source", Source),
        error_kinds=_rows("alerts", "error_kind", Word),
        control_grounds=_rows("control_grounds", "control_ground", ControlGround),
        methods=_rows("cases", "method", Method),
        recovery_grounds=recovery_grounds,
        supplier_signs=_rows("cases", "supplier_sign", Word),
        look_up_purposes=_rows("cases", "look_up_purpose", Word),
        link_evidence=_rows("links", "evidence", LinkEvidence),
        link_reasons=_rows("links", "link_reason", LinkReason),
        object_types=_rows("object_types", "object_type", Word),
        tip_sources=_rows("tips", "source_type", Word),
        suspicion_types=_rows("tips", "suspicion_type", Word),
        reliabilities=_rows("tips", "reliability", Word),
        relevances=_rows("tips", "relevance", Word),
        tip_reasons=_rows("tips", "reason", TipReason),
        abort_reasons=_rows("visits", "abort_reason", Word),
        hold_reasons=_rows("holds", "hold_reason", Word),
    )


def _rows(file: str, table: str, kind: type[W]) -> Words[W]:
    """One table of one file as a list of words."""
    data = tomllib.loads((_FOLDER / f"{file}.toml").read_text(encoding="utf-8"))
    return Words(TypeAdapter(list[kind]).validate_python(data[table]))  # type: ignore[valid-type]


def plain(text: str) -> str:
    """Text as it is compared: composed, one space between words, no capitals."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())
