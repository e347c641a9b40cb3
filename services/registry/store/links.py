"""Persons and companies, what records mention, and the links that follow; blinded and sealed."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg.errors import NotNullViolation
from sqlalchemy import ARRAY, ColumnElement, LargeBinary, Select, and_, any_, case, exists, false, func, literal, or_, select, true

from services.kernel.db import Row, Transaction
from services.kernel.errors import Conflict, ConflictReason
from services.kernel.ids import new_id
from services.kernel.protection import IdentityLevel, Protection
from services.kernel.records import record_step
from services.kernel.vault import Vault
from services.registry.domain.linking import NOTHING, Decision, Evidence, Keys, SubjectKind, evidence
from services.registry.domain.record import ProtectionCheck
from services.registry.store.tables import KEYS, alert, history, link, mention, subject

LINK = "link"
# The person or company of a mention, in its own unit.
PERSON = and_(subject.c.unit == mention.c.unit, subject.c.number == mention.c.number)
# Nothing that mentions a protected person is found.
SHOWN = ~exists().where(PERSON, subject.c.protection == Protection.PROTECTED)


class Mentions:
    """Writes what a record mentions, in the transaction that writes the record. Nothing of it is read in plain."""

    def __init__(self, vault: Vault) -> None:
        """The vault blinds and seals."""
        self._vault = vault

    def add_subject(self, tx: Transaction, unit: str, kind: SubjectKind, number: str, protection: Protection, now: datetime) -> None:
        """A person or company (digits), once in each unit. No number, no row.

        Leaving the transaction raises NotNullViolation when the unit knows a person as protected and this does not (`knows_protected`).
        """
        if not number:
            return
        blinded = self._vault.index("number", number)
        if tx.queues(subject, unit=unit, number=blinded):
            return
        row_id = new_id()
        key = self._vault.new_key(row_id)
        sealed = {"data_key": key.wrapped, "content": key.seal(subject.name, "content", number.encode())}
        known = {"protection": protection, "checked_time": now if protection is Protection.PROTECTED else None}
        tx.insert(subject, id=row_id, unit=unit, kind=kind, number=blinded, identity_level=IdentityLevel.UNKNOWN, **known, **sealed)

    def checked(self, tx: Transaction, unit: str, number: str, check: ProtectionCheck, now: datetime) -> None:
        """Somebody has looked in the register: protection counts from now, none when nothing later is known. No time: no look."""
        mine = self._is_subject(unit, number)
        if check.result is Protection.PROTECTED:
            tx.write(subject.update().where(mine).values(protection=check.result, checked_time=now))
        elif check.result is Protection.NONE and check.checked_time is not None:
            earlier = or_(subject.c.checked_time.is_(None), subject.c.checked_time < check.checked_time)
            tx.write(subject.update().where(mine, earlier).values(protection=check.result, checked_time=check.checked_time))
        if check.checked_time is not None and check.identity_level is not IdentityLevel.UNKNOWN:
            tx.write(subject.update().where(mine).values(identity_level=check.identity_level))

    def protected(self, tx: Transaction, unit: str, numbers: Sequence[str]) -> set[str]:
        """Which of these persons (digits) a unit knows as protected."""
        by_index = {self._vault.index("number", number): number for number in numbers if number}
        same = subject.c.number == any_(literal(list(by_index), ARRAY(LargeBinary)))
        known = select(subject.c.number).where(subject.c.unit == unit, same, subject.c.protection == Protection.PROTECTED)
        return {by_index[bytes(row.number)] for row in tx.read(known)}

    def add(self, tx: Transaction, record_kind: str, record_id: UUID, unit: str, keys: Keys[str]) -> None:
        """What a record mentions; nothing, no row."""
        if keys != NOTHING:
            blinded = {name: self._vault.index(name, value) if (value := getattr(keys, name)) else None for name in KEYS}
            tx.insert(mention, record_id=record_id, record_kind=record_kind, unit=unit, **blinded)

    def about(self, unit: str, number: str) -> Select[tuple[UUID]]:
        """The ids of a unit's records that mention a person (digits)."""
        return select(mention.c.record_id).where(mention.c.unit == unit, mention.c.number == self._vault.index("number", number))

    def remove(self, tx: Transaction, record_id: UUID) -> None:
        """A record mentions nothing any more."""
        tx.write(mention.delete().where(mention.c.record_id == record_id))

    def forget(self, tx: Transaction, unit: str, number: str) -> None:
        """Take away a person whom no record mentions; a protected one stays known as that. Whoever registers them now comes after us."""
        if number:
            tx.flush()
            mine = self._is_subject(unit, number)
            tx.read(select(subject.c.id).where(mine).with_for_update())
            mentioned = exists().where(PERSON)
            tx.write(subject.delete().where(mine, subject.c.protection != Protection.PROTECTED, ~mentioned))

    def _is_subject(self, unit: str, number: str) -> ColumnElement[bool]:
        return and_(subject.c.unit == unit, subject.c.number == self._vault.index("number", number))


class Found(NamedTuple):
    """Another record of the own unit, why it is linked, and what a person has said of it (None: nothing)."""

    id: UUID
    record_kind: str
    evidence: tuple[Evidence, ...]
    said: Row | None


class Hint(NamedTuple):
    """A unit that may have something, and about what."""

    unit: str
    evidence: tuple[Evidence, ...]


class Links:
    """Reads links inside one unit, hints towards a unit with socialtjänst, and keeps what people say of links.

    Everything is asked from one record that the caller has been let to read; nothing is asked of a person.
    """

    def of(self, tx: Transaction, record_id: UUID) -> Row | None:
        """What a record mentions, with its person's identity level and protection; None when it is linked to nothing."""
        statement = select(mention, subject.c.identity_level, subject.c.protection, subject.c.checked_time).select_from(
            mention.outerjoin(subject, PERSON)
        )
        row = tx.one(statement.where(mention.c.record_id == record_id))
        return None if row is None or row.protection == Protection.PROTECTED else row

    def page(self, tx: Transaction, row: Row, kinds: Collection[str], after: UUID | None, limit: int) -> list[Found]:
        """Records of these kinds that are linked to the one with this row, oldest first."""
        return self._found(tx, row, kinds, mention.c.record_id > after if after else true(), limit)

    def between(self, tx: Transaction, row: Row, other_id: UUID, kinds: Collection[str]) -> Found | None:
        """The link to one other record, both locked; None when there is none."""
        both = mention.c.record_id.in_((row.record_id, other_id))
        tx.read(select(mention.c.record_id).where(both).order_by(mention.c.record_id).with_for_update())
        return next(iter(self._found(tx, row, kinds, mention.c.record_id == other_id, 1)), None)

    def _found(self, tx: Transaction, row: Row, kinds: Collection[str], which: ColumnElement[bool], limit: int) -> list[Found]:
        said = self._said(tx, row.record_id)
        same = [mention.c[name] == getattr(row, name) for name in KEYS if getattr(row, name)]
        statement = (
            select(mention)
            .where(mention.c.unit == row.unit, mention.c.record_kind.in_(kinds), mention.c.record_id != row.record_id, which)
            .where(or_(mention.c.record_id.in_(said), *same))
            .where(SHOWN)
            .order_by(mention.c.record_id)
            .limit(limit)
        )
        return [
            Found(each.record_id, each.record_kind, evidence(_keys(row), _keys(each)), said.get(each.record_id))
            for each in tx.read(statement)
        ]

    def _said(self, tx: Transaction, record_id: UUID) -> dict[UUID, Row]:
        rows = tx.read(select(link).where(or_(link.c.one_id == record_id, link.c.other_id == record_id)))
        return {row.other_id if row.one_id == record_id else row.one_id: row for row in rows}

    def decide(self, tx: Transaction, row: Row, found: Found, decision: Decision, reason: str, person: str, now: datetime) -> int:
        """Keep what a person says of a link; its revision."""
        one_id, other_id = sorted((row.record_id, found.id))
        said = {"decision": decision, "reason": reason, "decided_by": person, "decided_time": now}
        if found.said is None:
            link_id, revision, before = new_id(), 1, None
            tx.insert(link, id=link_id, one_id=one_id, other_id=other_id, revision=revision, **said)
        else:
            link_id, revision, before = found.said.id, found.said.revision + 1, found.said.decision
            change = link.update().where(link.c.id == link_id, link.c.revision == found.said.revision)
            if tx.execute(change.values(revision=revision, **said)) != 1:
                raise Conflict("etag: kopplingen har ändrats sedan du läste den.", reason=ConflictReason.ETAG)
        record_step(tx, history, LINK, link_id, revision, (before, decision), now, person)
        return revision

    def hints(self, tx: Transaction, row: Row, units: Collection[str]) -> list[Hint]:
        """Which of these other units may have something about the same person or dwelling. Unknown counts as protected (design 8).

        A payment is also about the dwelling of the alert that was made of it.
        """
        if not units:
            return []
        drafts = select(alert.c.id).where(alert.c.payment_id == row.record_id, alert.c.unit == row.unit)
        own = [row, *tx.read(select(mention).where(mention.c.record_id.in_(drafts)))]
        same = {
            Evidence.SAME_NUMBER: mention.c.number.in_([each.number for each in own if each.number]),
            Evidence.SAME_DWELLING: mention.c.dwelling.in_([each.dwelling for each in own if each.dwelling]),
        }
        theirs = func.coalesce(subject.c.protection, Protection.UNKNOWN)
        # The same person: it is enough that one of the two units has looked, and that neither found protection. A word is no look.
        looked = row.protection == Protection.NONE and row.checked_time is not None
        known = same[Evidence.SAME_NUMBER] if looked else false()
        they_looked = and_(theirs == Protection.NONE, subject.c.checked_time.is_not(None))
        statement = (
            select(mention.c.unit, *(func.bool_or(case((found, True), else_=False)).label(name) for name, found in same.items()))
            .select_from(mention.outerjoin(subject, PERSON))
            .where(mention.c.unit.in_(units), or_(*same.values()))
            .where(or_(they_looked, and_(known, theirs != Protection.PROTECTED)))
            .group_by(mention.c.unit)
            .order_by(mention.c.unit)
        )
        return [Hint(each.unit, tuple(name for name in same if getattr(each, name))) for each in tx.read(statement)]


def knows_protected(error: NotNullViolation) -> bool:
    """Whether what was violated is that a person whom the unit knows as protected is registered as that."""
    return (error.diag.table_name, error.diag.column_name) == (subject.name, subject.c.protection.name)


def _keys(row: Row) -> Keys[bytes | None]:
    return Keys(*(getattr(row, name) for name in KEYS))
