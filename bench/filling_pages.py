"""A kommun's whole database for the pages: alerts, payments, objects, tips, operations and disclosures, beside what the demo has left.

Alerts, payments and objects are made by the services' own code and copied in; tips and operations are asked for, as a person would. What
has been told is what the demo told, many times over: its rows under other ids, with their content sealed for the first.
"""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from los.controls.v1 import controls_pb2, tips_pb2
from psycopg import sql
from sqlalchemy import Table

from bench.filling import EACH, FIRST_DAY, PEOPLE, Apart, Rows, copy, fill, in_parts
from cli.client import Session
from infra import secrets
from infra.stack import Stack
from services.controls.domain.objects import ControlObject, StoredObject
from services.controls.store import Objects
from services.controls.store import tables as controls_tables
from services.kernel.callers import Caller, Role
from services.kernel.clock import Clock, FixedClock, timestamp
from services.kernel.ids import new_id
from services.kernel.protection import Protection
from services.kernel.records import auditor
from services.registry.domain.payment import Flag
from services.registry.service.registering import Registering
from services.registry.store import Alerts, Payments
from services.registry.store import tables as registry_tables

INVESTIGATOR = Caller("cli", "iaf-utredare-2", Role.FUT_INVESTIGATOR, "IAF")
ALERTS, PAYMENTS, OBJECTS, TOLD = 6, 3, 1, 1
"""Tenths of all records."""
ASKED_PER = 1000
"""One tip for so many records."""
OPERATIONS_MAX = 30
"""As many operations are ahead at the most, however large the kommun is."""
Make = Callable[[Apart, Any, int, int], Table]


def fill_all(running: Stack, coordinator: Session, size: int) -> dict[str, list[str]]:
    """Put `size` records in, and a tenth as many disclosures; ids of some, by kind."""
    url, tenth = running.postgres.url(), max(1, size // 10)
    found = {
        "alert_id": fill(url, secrets.vault_files(running.folder, "registry"), ALERTS * tenth),
        "payment_id": _fill(url, running, "registry", _payments, PAYMENTS * tenth),
        "object_id": _fill(url, running, "controls", _objects, OBJECTS * tenth),
    }
    known = {name: ids[:100] for name, ids in found.items()}
    known |= _asked(coordinator, known["object_id"], max(1, size // ASKED_PER))
    with psycopg.connect(url, autocommit=True) as connection:
        told = connection.execute("SELECT id::text FROM sharing.disclosure WHERE unit = 'IAF' AND record_kind = 'suspected_payment'")
        known["disclosure_id"] = [row[0] for row in told]
        _tell_again(connection, TOLD * tenth)
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
    return known


def _fill(url: str, running: Stack, service: str, make: Make, size: int) -> list[str]:
    return in_parts(partial(_fill_part, url, service, secrets.vault_files(running.folder, service), make), size)


def _fill_part(url: str, service: str, keys: tuple[Path, Path], make: Make, start: int, end: int) -> list[str]:
    rows = Rows()
    made = make(Apart.from_files(service, *keys), rows, start, end)
    return copy(url, service, rows, made)


def _payments(vault: Apart, rows: Any, start: int, end: int) -> Table:  # noqa: ANN401  # as a transaction
    clock = FixedClock(FIRST_DAY)
    audit = auditor(registry_tables.audit, clock)
    registering = Registering(None, Alerts(vault), Payments(vault), audit, clock)  # type: ignore[arg-type]
    for number in range(start, end):
        vault.group = number // EACH // len(PEOPLE)
        clock.moment = FIRST_DAY + timedelta(seconds=number)
        registering.add_payment(rows, _flag(number), Protection.UNKNOWN, INVESTIGATOR)
    return registry_tables.suspected_payment


def _flag(number: int) -> Flag:
    return Flag(
        case_number=f"PROV-{number}",
        diary_number="",
        owner_unit="IAF",
        payment_scheme="ekonomiskt_bistand",
        recipient_id_number=PEOPLE[number // EACH % len(PEOPLE)],
        causes=("housing_cost",),
        period_from="2026-02",
        period_to="2026-09",
        suspected_amount_sek=Decimal(12500),
        impulse_source="public",
        other_benefit="bostadsbidrag",
        deciding_body="forsakringskassan",
        population_register_doubted=False,
    )


def _objects(vault: Apart, rows: Any, start: int, end: int) -> Table:  # noqa: ANN401  # as a transaction
    objects = Objects(vault)
    for number in range(start, end):
        place = ControlObject(
            street_address=f"Provgatan {number}",
            postal_code="58222",
            city="Linköping",
            district=f"Distrikt {number % 20}",
            object_type=("restaurang", "bilverkstad", "frisör")[number % 3],
            north_m=6_470_000 + number % 9000,
            east_m=530_000 + number // 9000 % 9000,
        )
        objects.add(rows, StoredObject(new_id(), place), FIRST_DAY, "mos-samordnare-1")
    return controls_tables.control_object


def _asked(coordinator: Session, objects: list[str], count: int) -> dict[str, list[str]]:
    """Tips about some objects; operations of the days to come, to one of which others are invited, and one that is confirmed."""
    tips = [_tip(coordinator, objects[number % len(objects)], number) for number in range(count)]
    planned = [_planned(coordinator, number) for number in range(min(count, OPERATIONS_MAX) + 1)]
    for operation_id in planned[:2]:
        for object_id in objects[:3]:
            _change(coordinator, operation_id, "AddVisit", controls_pb2.AddVisitRequest, object_id=object_id)
        _change(coordinator, operation_id, "InviteAuthority", controls_pb2.InviteAuthorityRequest, receiver_kind="SF")
    confirmed, *draft = planned
    _change(coordinator, confirmed, "ConfirmOperation", controls_pb2.ConfirmOperationRequest, override_reason="Svar dröjer.")
    return {"tip_id": tips, "operation_id": [confirmed], "planned_id": draft, "invited_id": draft[:1]}


def _tip(coordinator: Session, object_id: str, number: int) -> str:
    asked = tips_pb2.RegisterTipRequest(
        request_id=str(uuid4()),
        source_type="own_inspector",
        received_time=timestamp(Clock().now() - timedelta(days=1 + number % 30)),
        suspicion_types=["illegal_lodging"],
        summary="Sängar i lagret.",
        object_id=object_id,
    )
    return str(coordinator.controls.RegisterTip(asked).tip_id)


def _planned(coordinator: Session, number: int) -> str:
    start = Clock().now() + timedelta(days=30 + number)
    asked = controls_pb2.PlanOperationRequest(
        request_id=str(uuid4()),
        label=f"LOS-2027-{uuid4().int % 10**4}",
        purpose="Sund konkurrens",
        planned_start=timestamp(start),
        planned_end=timestamp(start + timedelta(hours=5)),
        own_control_ground_id="pbl-tillsyn",
    )
    return str(coordinator.controls.PlanOperation(asked).operation_id)


def _change(coordinator: Session, operation_id: str, method: str, message: Any, **more: str) -> None:  # noqa: ANN401  # a type
    named = {"operation_id": operation_id}
    etag = coordinator.controls.GetOperation(controls_pb2.GetOperationRequest(**named)).etag
    getattr(coordinator.controls, method)(message(request_id=str(uuid4()), etag=etag, **named, **more))


def _tell_again(connection: psycopg.Connection[Any], count: int) -> None:
    """What has been told and is done with, under other and older ids, with its events."""
    done = connection.execute("SELECT id FROM sharing.disclosure WHERE task = ''").fetchall()
    connection.execute(
        "CREATE TEMP TABLE again AS SELECT d.id AS old, uuidv7(make_interval(mins => -nth::int)) AS new"
        " FROM sharing.disclosure AS d, generate_series(1, %s) AS nth WHERE d.task = ''".replace("%s", str(max(1, count // len(done))))
    )
    for table, id_column in (("disclosure", "id"), ("disclosure_event", "disclosure_id")):
        names = [
            str(row[0])
            for row in connection.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_schema = 'sharing' AND table_name = %s", (table,)
            )
        ]
        values = {name: sql.Identifier("row", name) for name in names} | {"id": sql.SQL("uuidv7()"), id_column: sql.SQL("again.new")}
        connection.execute(
            sql.SQL(
                "INSERT INTO sharing.{table} ({names}) SELECT {values} FROM sharing.{table} AS row JOIN again ON again.old = row.{id}"
            ).format(
                table=sql.Identifier(table),
                names=sql.SQL(", ").join(map(sql.Identifier, names)),
                values=sql.SQL(", ").join(values[name] for name in names),
                id=sql.Identifier(id_column),
            )
        )
