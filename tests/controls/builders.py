"""Valid things; a test names only what matters to it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

from services.controls.domain.objects import ControlObject, StoredObject
from services.controls.domain.offers import changed_offers
from services.controls.domain.operation_life import invite
from services.controls.domain.operations import Answer, Operation, Part, Reply
from services.controls.domain.plan import Plan
from services.kernel.callers import Role
from services.kernel.identity import OrgNumber
from services.kernel.life import Actor

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
COORDINATOR = Actor("mos-samordnare-1", Role.LOS_COORDINATOR, NOW, date(2026, 11, 24))
START = datetime(2026, 12, 1, 8, 15, tzinfo=UTC)
SOLE_TRADER = "19941130-2392"  # one of Skatteverket's published test numbers
OWN_GROUND = "alkohollagen-tillsyn"
OWN_GROUNDS = {
    "skatteverket-beskattning": "skv-kontrollbesok-kassaregister",
    "kronofogden": "kfm-forrattning",
    "polismyndigheten": "polis",
    "arbetsmiljoverket": "aml-tillsyn",
    "raddningstjanst": "lso-tillsyn",
    "kommun-tillsynsnamnd": "miljobalken-tillsyn",
    "MOS": "pbl-tillsyn",
    "SF": "alkohollagen-tillsyn",
}

YES_ON_SITE = {kind: Reply(Answer.ACCEPTED, Part.ON_SITE, ground) for kind, ground in OWN_GROUNDS.items()}
YES_PLANNING = Reply(Answer.ACCEPTED, Part.PLANNING_ONLY)
NO = Reply(Answer.DECLINED)


def an_object(**fields: Any) -> StoredObject:  # noqa: ANN401
    place = ControlObject(
        street_address="Exempelgatan 1",
        postal_code="58222",
        city="Linköping",
        district="Tornby",
        object_type="bilverkstad",
        org_number=OrgNumber.parse("559999-0008"),
        company_name="Demo Bilvård AB",
        trading_name="City bilvård",
        sni_code="95311",
    )
    return StoredObject(uuid4(), replace(place, **fields))


def a_sole_trader() -> StoredObject:
    return an_object(
        org_number=OrgNumber.parse(SOLE_TRADER), company_name="Ägaren Persson", trading_name="Perssons krog", street_address="Hemgatan 7"
    )


def a_plan(**fields: Any) -> Plan:  # noqa: ANN401
    plan = Plan("sund konkurrens", START, START + timedelta(hours=6), "Parkeringen vid Tornby", "normal")
    return replace(plan, **fields)


def a_draft(unit: str = "MOS", label: str = "LOS-2026-07", own_ground: str = OWN_GROUND, now: datetime = NOW, **plan: Any) -> Operation:  # noqa: ANN401
    return Operation.drafted(uuid4(), unit, label, a_plan(**plan), own_ground, now)


def offered(operation: Operation) -> Operation:
    """As after its transaction: the offers it calls for are made."""
    return operation.with_offers(changed_offers(operation))


def an_operation(*invited: str, places: tuple[StoredObject, ...] | None = None, own_ground: str = OWN_GROUND) -> Operation:
    """Planned, with three visits unless said otherwise, and these authorities invited."""
    operation = a_draft(unit="SF" if "MOS" in invited else "MOS", own_ground=own_ground)
    for place in places if places is not None else (an_object(), an_object(), an_object()):
        operation = operation.with_visit(uuid4(), place)
    for kind in invited:
        operation = offered(invite(operation, kind, COORDINATOR))
    return operation


def answered(operation: Operation, replies: dict[str, Reply]) -> Operation:
    for kind, reply in replies.items():
        operation = offered(operation.answered(kind, reply))
    return operation
