"""Alerts and suspected payments: how each becomes rows and comes back, and who sees it."""

from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import ARRAY, ColumnElement, LargeBinary, Table, and_, any_, case, literal, or_, select, tuple_

from services.kernel.callers import Caller, Role
from services.kernel.clock import STOCKHOLM
from services.kernel.db import Row, Transaction
from services.kernel.errors import Conflict, ConflictReason, NotFound
from services.kernel.ids import new_id
from services.kernel.life import Moved
from services.kernel.pages import oldest_first
from services.kernel.protection import Protection
from services.kernel.records import enqueue, record_step
from services.kernel.vault import Vault
from services.registry.domain import alert as alerts
from services.registry.domain import alert_life, payment_life
from services.registry.domain import payment as payments
from services.registry.domain.alert import Alert
from services.registry.domain.linking import Keys, SubjectKind
from services.registry.domain.payment import Payment
from services.registry.domain.record import Offered, ProtectionCheck
from services.registry.store.links import Mentions
from services.registry.store.tables import alert, history, landlord_index, outbox, suspected_payment

TOGETHER = 500
"""How many records of a file are in memory at once."""
Seen = UUID | tuple[date, UUID]
"""The last row of a page; of Work.DUE with its day."""


class Work(StrEnum):
    """Which of the unit's records a list shows."""

    ALL = "all"
    NEW = "new"
    MINE = "mine"
    DUE = "due"


class _Content(Protocol):
    @property
    def offered(self) -> Offered: ...
    @property
    def handled_by(self) -> tuple[str, ...]: ...


class _Record(Protocol):
    """What alerts and payments have in common."""

    @property
    def id(self) -> UUID: ...
    @property
    def unit(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def revision(self) -> int: ...
    @property
    def registered_time(self) -> datetime: ...
    @property
    def registered_by(self) -> str: ...
    @property
    def content(self) -> _Content: ...
    @property
    def protection_check(self) -> ProtectionCheck: ...
    @property
    def registered_as(self) -> str: ...
    @property
    def purge_date(self) -> date | None: ...
    @property
    def mentions(self) -> Keys[str]: ...
    @property
    def subject_number(self) -> str: ...
    @property
    def officer(self) -> str | None: ...


R = TypeVar("R", bound=_Record)


class _Records(Generic[R]):
    """One kind of record: its table, and how it becomes rows and comes back. A caller who may not see a row finds none."""

    table: Table
    kind: str
    content: TypeAdapter[Any]

    def __init__(self, vault: Vault) -> None:
        """The vault seals the content."""
        self._vault = vault
        self._mentions = Mentions(vault)

    def add(self, tx: Transaction, record: R, steps: tuple[str | None, ...], person: str | None, **more: object) -> None:
        """A new record and its first history. Leaving the transaction raises UniqueViolation when the same is registered already."""
        key = self._vault.new_key(record.id)
        content = key.seal(self.table.name, "content", self.content.dump_json(record.content))
        row = {"id": record.id, "unit": record.unit, "registered_time": record.registered_time, "registered_by": record.registered_by}
        tx.insert(self.table, **row, **self._changing(record), **more, data_key=key.wrapped, content=content)
        record_step(tx, history, self.kind, record.id, record.revision, steps, record.registered_time, person)
        self._mentions.add_subject(
            tx, record.unit, SubjectKind.PERSON, record.subject_number, record.protection_check.result, record.registered_time
        )
        self._mentions.add(tx, self.kind, record.id, record.unit, record.mentions)

    def known(self, tx: Transaction, texts: Sequence[str]) -> list[bool]:
        """Which of these are `registered_as` something already."""
        indexes = [self._vault.index(self.kind, text) for text in texts]
        same = self.table.c.duplicate == any_(literal(indexes, ARRAY(LargeBinary)))
        found = {row.duplicate for row in tx.read(select(self.table.c.duplicate).where(same))}
        return [index in found for index in indexes]

    def protected(self, tx: Transaction, unit: str, numbers: Sequence[str]) -> set[str]:
        """Which of these persons (digits) a unit knows as protected."""
        return self._mentions.protected(tx, unit, numbers)

    def save(self, tx: Transaction, before: R, moved: Moved[R], now: datetime, person: str | None) -> None:
        """Write a changed record, append its history, and promise sharing what is offered of it now.

        Raises Conflict ETAG when somebody else was first.
        """
        columns = self.table.c
        after, today = moved.record, now.astimezone(STOCKHOLM).date()
        wrapped = tx.one(select(columns.data_key).where(columns.id == after.id))
        assert wrapped is not None  # noqa: S101  # it was read in this transaction
        content = self._vault.open_key(after.id, wrapped.data_key).seal(self.table.name, "content", self.content.dump_json(after.content))
        change = self.table.update().where(columns.id == after.id, columns.revision == before.revision)
        if tx.execute(change.values(**self._changing(after, self._due_date(before, after, today)), content=content)) != 1:
            raise Conflict("etag: ärendet har ändrats sedan du läste det.", reason=ConflictReason.ETAG)
        record_step(tx, history, self.kind, after.id, after.revision, moved.path, now, person)
        for track, path in moved.tracks.items():
            record_step(tx, history, self.kind, after.id, after.revision, path, now, person, track=track)
        self._save_mentions(tx, before, after, now)
        self._promise_offers(tx, before.content.offered, after, now)

    def _save_mentions(self, tx: Transaction, before: R, after: R, now: datetime) -> None:
        check = after.protection_check
        if before.subject_number != after.subject_number:
            self._mentions.add_subject(tx, after.unit, SubjectKind.PERSON, after.subject_number, check.result, now)
        if after.subject_number and (before.subject_number, before.protection_check) != (after.subject_number, check):
            self._mentions.checked(tx, after.unit, after.subject_number, check, now)
        if before.mentions != after.mentions:
            self._mentions.remove(tx, after.id)
            self._mentions.add(tx, self.kind, after.id, after.unit, after.mentions)
        if before.subject_number != after.subject_number:
            self._mentions.forget(tx, before.unit, before.subject_number)

    def seen(self, tx: Transaction, record_id: UUID, caller: Caller) -> R:
        """A record that the caller may see. Raises NotFound."""
        row = tx.one(select(self.table).where(self.table.c.id == record_id, self._visible(caller)))
        if row is None:
            raise NotFound
        return self._of(row)

    def any(self, tx: Transaction, record_id: UUID) -> R | None:
        """A record, whoever asks; for the service itself."""
        row = tx.one(select(self.table).where(self.table.c.id == record_id))
        return None if row is None else self._of(row)

    def these(self, tx: Transaction, record_ids: Collection[UUID]) -> list[R]:
        """Records, whoever asks; for the service itself."""
        return [self._of(row) for row in tx.read(select(self.table).where(self.table.c.id.in_(record_ids)))]

    def made_by_hand(self, tx: Transaction, record_id: UUID, person: str) -> bool:
        """Whether this person wrote the record themselves, and did not read it from a file."""
        columns = self.table.c
        mine = columns.id == record_id, columns.registered_by == person, columns.import_id.is_(None)
        return tx.one(select(columns.id).where(*mine)) is not None

    def of_import(self, tx: Transaction, import_id: UUID) -> Iterator[list[R]]:
        """What came of a file, locked, some at a time: a file may be long. For the service itself."""
        mine, after = select(self.table).where(self.table.c.import_id == import_id), None
        while rows := tx.read(oldest_first(mine, self.table.c.id, after, TOGETHER).with_for_update()):
            yield [self._of(row) for row in rows]
            after = rows[-1].id

    def about(self, tx: Transaction, unit: str, number: str) -> list[R]:
        """What a unit has about a person (digits) and has not stopped, locked; for the service itself.

        What was written of the person before is sent first: who registers them meanwhile waits for us, or we see what they registered.
        """
        tx.flush()
        theirs = self.table.c.id.in_(self._mentions.about(unit, number)), self.table.c.protection != Protection.PROTECTED
        return [self._of(row) for row in tx.read(select(self.table).where(*theirs).order_by(self.table.c.id).with_for_update())]

    def page(
        self, tx: Transaction, caller: Caller, states: Collection[str], work: Work, after: Seen | None, limit: int, **among: Collection[str]
    ) -> list[Row]:
        """Rows of a list, with nothing personal in them: oldest first, or for Work.DUE by day; to who has sent them in, the latest first.

        `after`: the last row seen; its id, for Work.DUE its day and id. `among`: further columns, and the values that are wanted, if any.
        """
        columns = self.table.c
        listed = [column for column in columns if column.name not in {"data_key", "content"}]
        statement = select(*listed).where(self._visible(caller), self._state(caller).in_(states))
        for column, values in among.items():
            if values:
                statement = statement.where(columns[column].in_(values))
        if work is Work.NEW:
            statement = statement.where(columns.officer.is_(None), columns.purge_date.is_(None))
        elif work is Work.MINE:
            statement = statement.where(columns.officer == caller.principal, columns.purge_date.is_(None))
        backwards = caller.role is Role.LANDLORD_REPORTER
        order: list[ColumnElement[Any]] = [columns.id.desc() if backwards else columns.id]
        if work is Work.DUE:
            statement, order = statement.where(columns.due_date.is_not(None)), [columns.due_date, columns.id]
        if after is not None:
            later = columns.id < after if backwards else columns.id > after
            statement = statement.where(tuple_(*order) > tuple_(*after) if isinstance(after, tuple) else later)
        return tx.read(statement.order_by(*order).limit(limit))

    def contents(self, tx: Transaction, rows: Sequence[Row]) -> dict[UUID, Any]:
        """The content of what a list shows, by id: of it a list tells only what names nobody."""
        columns = self.table.c
        sealed = select(columns.id, columns.data_key, columns.content).where(columns.id.in_([row.id for row in rows]))
        return {row.id: self._opened(row) for row in (tx.read(sealed) if rows else [])}

    def _promise_offers(self, tx: Transaction, before: Offered, after: R, now: datetime) -> None:
        """Outbox rows to sharing, ids only: every offer of the new revision, and a withdrawal of each that is no more."""
        offered = after.content.offered
        if offered == before:
            return
        for act, offers in (("offer", offered.offers), ("withdraw", [offer for offer in before.offers if offer not in offered.offers])):
            for offer in offers:
                enqueue(
                    tx,
                    outbox,
                    new_id(),
                    after.id,
                    act,
                    now,
                    kept_as=self.kind,
                    record_kind=offer.record_kind,
                    receiver_kind=offer.receiver_kind,
                    revision=offered.revision,
                )

    def _visible(self, caller: Caller) -> ColumnElement[bool]:
        """The own unit's, and never a protected person, whatever else has become of the record."""
        return and_(self.table.c.unit == caller.unit, self.table.c.protection != Protection.PROTECTED)

    def _due_date(self, before: R, after: R, today: date) -> date | None:
        """The day by which something is to be done, or None."""
        raise NotImplementedError

    def _state(self, _: Caller) -> ColumnElement[str]:
        """The state as the caller sees it."""
        return self.table.c.state

    def _changing(self, record: R, due_date: date | None = None) -> dict[str, object]:
        check = record.protection_check
        return {
            "state": record.state,
            "revision": record.revision,
            "purge_date": record.purge_date,
            "officer": record.officer,
            "due_date": due_date,
            "protection": check.result,
            "protection_time": check.checked_time,
            "duplicate": self._vault.index(self.kind, record.registered_as) if record.registered_as else None,
        }

    def _opened(self, row: Row) -> Any:  # noqa: ANN401  # either kind's content
        return self.content.validate_json(self._vault.open_key(row.id, row.data_key).open(self.table.name, "content", row.content))

    def _common(self, row: Row) -> dict[str, Any]:
        return {
            "id": row.id,
            "unit": row.unit,
            "revision": row.revision,
            "registered_time": row.registered_time,
            "registered_by": row.registered_by,
            "purge_date": row.purge_date,
            "officer": row.officer,
            "due_date": row.due_date,
            "content": self._opened(row),
            "protection_check": ProtectionCheck(Protection(row.protection), row.protection_time),
        }

    def _of(self, row: Row) -> R:
        raise NotImplementedError


class Alerts(_Records[Alert]):
    """Alerts: an officer sees the own unit's, a landlord's reporter the own organisation's, also after they were blocked."""

    table = alert
    kind = alerts.RECORD_KIND
    content = TypeAdapter(alerts.Content)

    def add(self, tx: Transaction, record: Alert, steps: tuple[str | None, ...], person: str | None, **more: object) -> None:
        """The same, with whose reporter sent it and which payment made it."""
        reporter = record.content.reporter
        landlord = landlord_index(self._vault, reporter) if reporter else None
        super().add(tx, record, steps, person, landlord=landlord, **more)

    def of_payment(self, tx: Transaction, payment_id: UUID) -> list[Alert]:
        """What came of the draft that a payment made, whoever asks; for the service itself."""
        return [self._of(row) for row in tx.read(select(alert).where(alert.c.payment_id == payment_id))]

    def pointing_at(self, tx: Transaction, payment_ids: Collection[UUID], import_id: UUID) -> frozenset[UUID]:
        """Which of these payments an alert from elsewhere than the same file belongs to."""
        elsewhere = alert.c.payment_id.in_(payment_ids), alert.c.import_id.is_distinct_from(import_id)
        return frozenset(row.payment_id for row in tx.read(select(alert.c.payment_id).where(*elsewhere)))

    def fed_back(self, tx: Transaction, shown: Collection[UUID], now: datetime) -> None:
        """These alerts have just been shown to their landlord as closed: the first time is their feedback. It tells of no change."""
        new = alert.update().where(alert.c.id.in_(shown), alert.c.feedback_time.is_(None)).values(feedback_time=now)
        for row in tx.read(new.returning(alert.c.id, alert.c.revision)):
            record_step(tx, history, self.kind, row.id, row.revision, ("none", "given"), now, None, track="feedback")

    def _due_date(self, before: Alert, after: Alert, today: date) -> date | None:
        return alert_life.due_date(before, after, today)

    def _visible(self, caller: Caller) -> ColumnElement[bool]:
        if caller.role is Role.LANDLORD_REPORTER:
            return alert.c.landlord == landlord_index(self._vault, caller.organisation or "")
        return super()._visible(caller)

    def _state(self, caller: Caller) -> ColumnElement[str]:
        if caller.role is Role.LANDLORD_REPORTER:
            closed = or_(alert.c.taken_back, alert.c.state.in_(alert_life.CLOSED_TO_LANDLORD))
            return case((closed, alerts.State.NO_ACTION), else_=alerts.State.SUBMITTED)
        return super()._state(caller)

    def _changing(self, record: Alert, due_date: date | None = None) -> dict[str, object]:
        own = {name: getattr(record, name) for name in ("needs_review", "taken_back", "payment_id")}
        return super()._changing(record, due_date) | own

    def _of(self, row: Row) -> Alert:
        own = {name: getattr(row, name) for name in ("needs_review", "taken_back", "payment_id", "feedback_time")}
        return Alert(state=alerts.State(row.state), **own, **self._common(row))


class Payments(_Records[Payment]):
    """Suspected payments: an officer sees the own unit's."""

    table = suspected_payment
    kind = payments.RECORD_KIND
    content = TypeAdapter(payments.Content)

    def registered_as(self, tx: Transaction, text: str) -> Payment | None:
        """What was registered as this, whoever asks, locked; for the service itself."""
        same = suspected_payment.c.duplicate == self._vault.index(self.kind, text)
        row = tx.one(select(suspected_payment).where(same).with_for_update())
        return None if row is None else self._of(row)

    def _due_date(self, before: Payment, after: Payment, today: date) -> date | None:
        return payment_life.due_date(before, after, today)

    def _changing(self, record: Payment, due_date: date | None = None) -> dict[str, object]:
        return super()._changing(record, due_date) | {"notice": record.notice, "police": record.police}

    def _of(self, row: Row) -> Payment:
        notice, police = payments.Notice(row.notice), payments.Police(row.police)
        return Payment(state=payments.State(row.state), notice=notice, police=police, **self._common(row))
