"""Registering an alert or a payment: the same rows whichever door it comes through."""

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from psycopg.errors import NotNullViolation, UniqueViolation

from services.kernel.callers import Caller, Role
from services.kernel.clock import Clock
from services.kernel.db import Database, Transaction
from services.kernel.errors import Conflict, ConflictReason, Denied
from services.kernel.identity import OrgNumber
from services.kernel.ids import new_id
from services.kernel.life import Actor
from services.kernel.protection import Protection
from services.kernel.records import Audit
from services.kernel.reference import reference
from services.registry.domain import alert as alerts
from services.registry.domain import alert_life, payment_life
from services.registry.domain import payment as payments
from services.registry.domain.alert import LANDLORD_UNIT, Alert, Report
from services.registry.domain.payment import Flag, Payment
from services.registry.domain.record import Context, ProtectionCheck
from services.registry.store import Alerts, Payments
from services.registry.store.links import knows_protected

ALREADY = Conflict("Samma uppgift finns redan.", reason=ConflictReason.DUPLICATE)

Answer = TypeVar("Answer")


class Registering:
    """Puts new records in the store."""

    def __init__(self, database: Database, alert_store: Alerts, payment_store: Payments, audit: Audit, clock: Clock) -> None:
        """The parts of the service."""
        self._database = database
        self._alerts = alert_store
        self._payments = payment_store
        self._audit = audit
        self._clock = clock

    def context(self, asking: Caller, record_kind: str) -> Context:
        """What a judgement rests on. Raises Denied for a landlord without an organisation, or a unit that holds no such records."""
        today = self._clock.today()
        if asking.role is Role.LANDLORD_REPORTER:
            if not asking.organisation:
                raise Denied("organisation: kontot hör inte till någon fastighetsägare.")
            return Context(today, LANDLORD_UNIT, OrgNumber.parse(asking.organisation).digits)
        unit = asking.unit or ""
        if unit not in reference().units or record_kind not in reference().units[unit].holds:
            raise Denied("unit: din förvaltning har inga sådana ärenden.")
        return Context(today, unit)

    def _actor(self, asking: Caller) -> Actor:
        return Actor.of(asking, self._clock)

    def add_alert(
        self, tx: Transaction, report: Report, protection: Protection, asking: Caller, *, needs_review: bool, import_id: UUID | None = None
    ) -> Alert:
        """A new alert, in this transaction."""
        context = self.context(asking, alerts.RECORD_KIND)
        steps = alert_life.screened((alerts.State.SUBMITTED,), protection, self._actor(asking))
        record = Alert(
            id=new_id(),
            unit=context.unit,
            state=steps[-1],
            revision=1,
            registered_time=self._clock.now(),
            registered_by=asking.principal,
            content=alerts.Content(report, context.landlord or "", handled_by=() if context.landlord else (asking.principal,)),
            needs_review=needs_review,
            protection_check=ProtectionCheck(protection),
        )
        self._alerts.add(tx, record, (None, *steps), asking.person, import_id=import_id)
        self._audit(tx, "registry:alert:register", asking, alerts.RECORD_KIND, record.id)
        self.block_same_person(tx, record, asking)
        return record

    def block_known(self, flag: Flag, protection: Protection, asking: Caller) -> None:
        """Stop what was registered as this flag before anybody knew that the person is protected."""
        if protection is not Protection.PROTECTED:
            return
        with self._database.transaction() as tx:
            before = self._payments.registered_as(tx, flag.same_as)
            if before is not None and before.protection_check.result is not Protection.PROTECTED:
                self.block_same_person(tx, self._block_payment(tx, before, ProtectionCheck(protection), asking), asking)

    def block_same_person(self, tx: Transaction, found: Alert | Payment, asking: Caller) -> None:
        """When a record says that its person is protected, every other record of the unit about them is stopped with it (design 8)."""
        check, number = found.protection_check, found.subject_number
        if check.result is not Protection.PROTECTED or not number:
            return
        for payment in self._payments.about(tx, found.unit, number):
            self._block_payment(tx, payment, check, asking)
        for alert in self._alerts.about(tx, found.unit, number):
            self._block_alert(tx, alert, check, asking)

    def block_alerts_of(self, tx: Transaction, payment: Payment, asking: Caller) -> None:
        """The same person stands in the alert that the payment made: it is stopped with it."""
        for before in self._alerts.of_payment(tx, payment.id):
            if before.protection_check.result is not Protection.PROTECTED:
                self._block_alert(tx, before, payment.protection_check, asking)

    def _block_payment(self, tx: Transaction, before: Payment, check: ProtectionCheck, asking: Caller) -> Payment:
        moved = payment_life.block(before, check, self._actor(asking))
        self._payments.save(tx, before, moved, self._clock.now(), asking.person)
        self._audit(tx, "registry:suspected_payment:block", asking, payments.RECORD_KIND, before.id)
        self.block_alerts_of(tx, moved.record, asking)
        return moved.record

    def _block_alert(self, tx: Transaction, before: Alert, check: ProtectionCheck, asking: Caller) -> None:
        moved = alert_life.block(before, check, self._actor(asking))
        self._alerts.save(tx, before, moved, self._clock.now(), asking.person)
        self._audit(tx, "registry:alert:block", asking, alerts.RECORD_KIND, before.id)

    def add_payment(
        self, tx: Transaction, flag: Flag, protection: Protection, asking: Caller, *, by_hand: bool = False, import_id: UUID | None = None
    ) -> tuple[Payment, Alert | None]:
        """A new flag, and a draft alert when the population register is doubted (sharing-matrix 4.2). Protected: stopped at once.

        `by_hand`: the caller flags it, and does not read it from a file.
        """
        now = self._clock.now()
        protected = protection is Protection.PROTECTED
        steps = (None, payments.State.FLAGGED, payments.State.BLOCKED_PROTECTED) if protected else (None, payments.State.FLAGGED)
        record = Payment(
            id=new_id(),
            unit=flag.owner_unit,
            state=payments.State.BLOCKED_PROTECTED if protected else payments.State.FLAGGED,
            revision=1,
            registered_time=now,
            registered_by=asking.principal,
            content=payments.Content(flag, handled_by=(asking.principal,), flagged_by=asking.principal if by_hand else ""),
            protection_check=ProtectionCheck(protection),
        )
        self._payments.add(tx, record, steps, asking.person, import_id=import_id)
        self._audit(tx, "registry:suspected_payment:register", asking, payments.RECORD_KIND, record.id)
        self.block_same_person(tx, record, asking)
        if protected or not flag.population_register_doubted:
            return record, None
        draft = Alert(
            id=new_id(),
            unit=flag.owner_unit,
            state=alerts.State.DRAFT,
            revision=1,
            registered_time=now,
            registered_by=asking.principal,
            content=alerts.Content(Report(contract_holder_id_number=flag.recipient_id_number), handled_by=(asking.principal,)),
            payment_id=record.id,
        )
        self._alerts.add(tx, draft, (None, alerts.State.DRAFT), asking.person, import_id=import_id)
        self._audit(tx, "registry:alert:draft", asking, alerts.RECORD_KIND, draft.id)
        return record, draft


def as_known(told: Protection, register: Callable[[Protection], Answer]) -> Answer:
    """Registers with what is told of a person's protection, or as protected when the unit already knows the person as that."""
    try:
        return register(told)
    except NotNullViolation as error:
        if not knows_protected(error):
            raise
        return register(Protection.PROTECTED)


def is_already_registered(error: UniqueViolation) -> bool:
    """Whether the violated rule is that one thing is registered once."""
    return (error.diag.constraint_name or "").endswith("_duplicate")
