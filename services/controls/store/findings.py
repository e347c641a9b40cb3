"""Observations, what is offered of them, and measures: their tables, and what is done to them in a transaction.

The text of an observation is sealed with the observation's own data key. Areas, flags and states are in plain text, for lists and work.
"""

from collections.abc import Collection
from dataclasses import fields
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    LargeBinary,
    Numeric,
    SmallInteger,
    Table,
    Text,
    Uuid,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import insert

from services.controls.domain import findings, measures
from services.controls.domain.findings import FindingOffer, Observation, Seen, Severity
from services.controls.domain.measures import Measure, Terms, Told
from services.controls.domain.operations import Outcome
from services.controls.store.tables import history, metadata, outbox
from services.kernel.db import Row, Transaction
from services.kernel.errors import Conflict, ConflictReason
from services.kernel.life import Moved, handled
from services.kernel.pages import oldest_first
from services.kernel.records import INSTANT, enqueue, record_step
from services.kernel.vault import Vault

observation = Table(
    "observation",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("operation_id", Uuid, ForeignKey("operation.id"), nullable=False),
    Column("visit_id", Uuid, ForeignKey("visit.id"), nullable=False),
    Column("unit", Text, nullable=False),
    Column("observed_date", Date, nullable=False),
    Column("control_ground_id", Text, nullable=False),
    Column("area", Text, nullable=False),
    Column("is_deficiency", Boolean, nullable=False),
    Column("severity", Text),
    Column("state", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("recorded_time", INSTANT, nullable=False),
    Column("recorded_by", Text, nullable=False),
    Column("nothing_by", Text, nullable=False),
    Column("nothing_time", INSTANT),
    Column("data_key", LargeBinary, nullable=False),
    Column("text", LargeBinary, nullable=False),
    Index("observation_visit", "visit_id", "unit", "id"),
    Index("observation_operation", "operation_id"),
)
finding_offer = Table(
    "finding_offer",
    metadata,
    Column("observation_id", Uuid, ForeignKey("observation.id"), primary_key=True),
    Column("receiver_kind", Text, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    Column("on_request", Boolean, nullable=False),
    Column("matter", Text, nullable=False),
    Column("outcome", SmallInteger, nullable=False),
)
measure = Table(
    "measure",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("operation_id", Uuid, ForeignKey("operation.id"), nullable=False),
    Column("visit_id", Uuid, ForeignKey("visit.id"), nullable=False),
    # Whose row it is: the owner's unit, or the coordinator's for what was told.
    Column("unit", Text, nullable=False),
    Column("authority", Text, nullable=False),
    Column("measure_type", Text, nullable=False),
    Column("visited_date", Date, nullable=False),
    Column("registered_time", INSTANT, nullable=False),
    Column("amount_sek", Numeric(14, 2)),
    Column("decided_date", Date),
    Column("diary_no", Text, nullable=False),
    Column("follow_up_date", Date),
    Column("tells", Boolean, nullable=False),
    Column("told_by", Text),
    Column("told_date", Date),
    Column("state", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Index("measure_unit", "unit", "id"),
    Index("measure_visit", "visit_id"),
    Index("measure_operation", "operation_id"),
)
SECOND_WAVE = "second_wave"
"""The track of what was decided about telling others, in the history of an observation's id."""
ETAG = "etag: uppgiften har ändrats sedan du läste den. Hämta den igen."


class Findings:
    """Controls' acts on observations and measures."""

    def __init__(self, vault: Vault) -> None:
        """The vault seals the text of an observation."""
        self._vault = vault

    # observations ---------------------------------------------------------------------------------------------------

    def add_observation(self, tx: Transaction, new: Observation, person: str | None) -> None:
        """A new observation."""
        key = self._vault.new_key(new.id)
        text = key.seal("observation", "text", new.seen.text.encode())
        kept = ("id", "operation_id", "visit_id", "unit", "observed_date", "recorded_time", "recorded_by")
        row = {name: getattr(new, name) for name in kept}
        tx.insert(observation, **row, **_changing(new), data_key=key.wrapped, text=text)
        record_step(tx, history, findings.RECORD_KIND, new.id, new.revision, (None, new.state), new.recorded_time, person)

    def observation(self, tx: Transaction, observation_id: UUID, unit: str | None = None) -> Observation | None:
        """An observation, whole; None when there is none, or it is not of the unit that is named."""
        statement = select(observation).where(observation.c.id == observation_id)
        if unit is not None:
            statement = statement.where(observation.c.unit == unit)
        return next(iter(self._observations(tx, tx.read(statement))), None)

    def observations(self, tx: Transaction, visit_id: UUID, unit: str, after: UUID | None, limit: int) -> list[Observation]:
        """A page of a unit's observations at one visit, oldest first."""
        statement = select(observation).where(observation.c.visit_id == visit_id, observation.c.unit == unit)
        return self._observations(tx, tx.read(oldest_first(statement, observation.c.id, after, limit)))

    def save_observation(self, tx: Transaction, before: Observation, moved: Moved[Observation], now: datetime, person: str | None) -> None:
        """Write a changed observation, its history and the offers that follow. Raises Conflict ETAG when somebody else was first."""
        after = moved.record
        row = tx.one(select(observation.c.data_key).where(observation.c.id == after.id))
        assert row is not None  # noqa: S101  # it was read in this transaction
        text = self._vault.open_key(after.id, row.data_key).seal("observation", "text", after.seen.text.encode())
        _write(tx, observation, before.id, before.revision, _changing(after) | {"text": text})
        record_step(tx, history, findings.RECORD_KIND, after.id, after.revision, moved.path, now, person)
        known = {offer.receiver_kind: offer for offer in before.offers}
        changed = [offer for offer in after.offers if offer != known.get(offer.receiver_kind)]
        if changed or before.second_wave is not after.second_wave:
            told = (before.second_wave, after.second_wave)
            record_step(tx, history, SECOND_WAVE, after.id, after.revision, told, now, person)
        self.save_offers(tx, after.id, changed)

    def save_offers(self, tx: Transaction, observation_id: UUID, changed: Collection[FindingOffer]) -> None:
        """Put offers in place of earlier ones to the same receivers."""
        for offer in changed:
            values = {field.name: getattr(offer, field.name) for field in fields(offer)} | {"observation_id": observation_id}
            index = ["observation_id", "receiver_kind"]
            tx.write(insert(finding_offer).values(**values).on_conflict_do_update(index_elements=index, set_=values))

    def promise_finding(self, tx: Transaction, observation_id: UUID, offer: FindingOffer, event_id: UUID, now: datetime) -> None:
        """An outbox row to sharing: ids only."""
        ids = {"receiver_kind": offer.receiver_kind, "revision": offer.revision}
        enqueue(tx, outbox, event_id, observation_id, "finding", now, **ids)

    def handlers(self, tx: Transaction, observation_id: UUID) -> list[str]:
        """Who has handled an observation, the latest of them: none may be the second person of a disclosure."""
        rows = tx.read(select(history.c.person).where(history.c.record_id == observation_id).order_by(history.c.revision))
        by: tuple[str, ...] = ()
        for row in rows:
            by = handled(by, row.person) if row.person else by
        return list(by)

    def observations_of(self, tx: Transaction, operations: Collection[UUID]) -> list[Observation]:
        """Every observation of these operations, without its text; for what is told of them in flags."""
        statement = select(observation).where(observation.c.operation_id.in_(operations)).order_by(observation.c.id)
        return self._observations(tx, tx.read(statement), read=False)

    def _observations(self, tx: Transaction, rows: list[Row], *, read: bool = True) -> list[Observation]:
        ids = [row.id for row in rows]
        offered: dict[UUID, list[FindingOffer]] = {id_: [] for id_ in ids}
        statement = select(finding_offer).where(finding_offer.c.observation_id.in_(ids)).order_by(finding_offer.c.receiver_kind)
        for row in tx.read(statement) if ids else []:
            made = {field.name: getattr(row, field.name) for field in fields(FindingOffer)} | {"outcome": Outcome(row.outcome)}
            offered[row.observation_id].append(FindingOffer(**made))
        return [self._observation_of(row, tuple(offered[row.id]), read=read) for row in rows]

    def _observation_of(self, row: Row, offers: tuple[FindingOffer, ...], *, read: bool) -> Observation:
        text = self._vault.open_key(row.id, row.data_key).open("observation", "text", row.text).decode() if read else ""
        severity = None if row.severity is None else Severity(row.severity)
        seen = Seen(row.control_ground_id, row.area, row.is_deficiency, severity, text)
        kept = {field.name: getattr(row, field.name) for field in fields(Observation) if field.name not in {"seen", "state", "offers"}}
        return Observation(seen=seen, state=findings.State(row.state), offers=offers, **kept)

    # measures -------------------------------------------------------------------------------------------------------

    def add_measure(self, tx: Transaction, moved: Moved[Measure], person: str | None) -> None:
        """A new measure, with the states that it has passed."""
        new = moved.record
        kept = ("id", "operation_id", "visit_id", "unit", "authority", "measure_type", "visited_date", "registered_time")
        tx.insert(measure, **{name: getattr(new, name) for name in kept}, **_of_measure(new))
        passed = (None, *(moved.path or (new.state,)))
        record_step(tx, history, measures.RECORD_KIND, new.id, new.revision, passed, new.registered_time, person)

    def measure(self, tx: Transaction, measure_id: UUID, unit: str, *, told: bool) -> Measure | None:
        """A measure that the unit keeps: its own, or one that it was told; or None."""
        of = (measure.c.id == measure_id, measure.c.unit == unit, measure.c.told_by.is_not(None) if told else measure.c.told_by.is_(None))
        row = tx.one(select(measure).where(*of))
        return None if row is None else _measure_of(row)

    def save_measure(self, tx: Transaction, before: Measure, moved: Moved[Measure], now: datetime, person: str | None) -> None:
        """Write a changed measure and its history. Raises Conflict ETAG when somebody else was first."""
        after = moved.record
        _write(tx, measure, before.id, before.revision, _of_measure(after))
        record_step(tx, history, measures.RECORD_KIND, after.id, after.revision, moved.path, now, person)

    def measures(
        self, tx: Transaction, unit: str, visit_id: UUID | None, after: UUID | None, limit: int, overdue_on: date | None
    ) -> list[Measure]:
        """A page of a unit's own measures, oldest first; `overdue_on`: only those that are overdue that Swedish day."""
        statement = select(measure).where(measure.c.unit == unit, measure.c.told_by.is_(None))
        if visit_id is not None:
            statement = statement.where(measure.c.visit_id == visit_id)
        if overdue_on is not None:
            too_old = measure.c.registered_time < measures.too_old(overdue_on)
            statement = statement.where(measure.c.state.not_in(measures.ENDED), or_(too_old, measure.c.follow_up_date < overdue_on))
        return [_measure_of(row) for row in tx.read(oldest_first(statement, measure.c.id, after, limit))]

    def measures_of(self, tx: Transaction, operations: Collection[UUID]) -> list[Measure]:
        """Every measure of these operations, whose ever."""
        statement = select(measure).where(measure.c.operation_id.in_(operations)).order_by(measure.c.id)
        return [_measure_of(row) for row in tx.read(statement)]


def _write(tx: Transaction, table: Table, row_id: UUID, revision: int, values: dict[str, object]) -> None:
    if tx.execute(table.update().where(table.c.id == row_id, table.c.revision == revision).values(**values)) != 1:
        raise Conflict(ETAG, reason=ConflictReason.ETAG)


def _changing(seen: Observation) -> dict[str, object]:
    what = {name: getattr(seen.seen, name) for name in ("control_ground_id", "area", "is_deficiency", "severity")}
    return what | {name: getattr(seen, name) for name in ("state", "revision", "nothing_by", "nothing_time")}


def _of_measure(kept: Measure) -> dict[str, object]:
    told = kept.told
    terms = {field.name: getattr(kept.terms, field.name) for field in fields(Terms)}
    by = {"told_by": told.by if told else None, "told_date": told.date if told else None}
    return terms | by | {"state": kept.state, "revision": kept.revision}


def _measure_of(row: Row) -> Measure:
    apart = {"terms", "told", "state"}
    kept = {field.name: getattr(row, field.name) for field in fields(Measure) if field.name not in apart}
    terms = Terms(**{field.name: getattr(row, field.name) for field in fields(Terms)})
    told = None if row.told_by is None else Told(row.told_by, row.told_date)
    return Measure(terms=terms, told=told, state=measures.State(row.state), **kept)
