"""What some roles have of their own, where the first record of a kind is another role's; and a day that is over.

The word for one is `role:name`, and `over:name` for what a row of docs/pages-and-roles.toml asks for by `as`.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import uuid4

from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2 as controls
from los.controls.v1 import findings_pb2
from los.registry.v1 import registry_pb2 as registry
from los.sharing.v1 import sharing_pb2 as sharing

from infra import stack
from partner import broker, feedback
from partner.kit import load
from services.kernel.callers import Role
from services.kernel.clock import Clock, timestamp
from tests.gateway import records
from tests.gateway.records import As, an_id, changed

AGENCY, OTHER_AGENCY = "forsakringskassan", "polismyndigheten"
DAY = "2026-10-01"
PLACE_ROW = {
    "Org.nr": "559999-1014",
    "Företag": "Demo Biltvätt 1 AB",
    "Objekttyp": "biltvätt",
    "Postnr": "582 22",
    "Ort": "Linköping",
    "Stadsdel": "Tornby",
}


def own_records(running: stack.Stack, services: As) -> dict[str, str]:
    """Offers, previews and decisions of the roles that decide on other kinds; files of theirs; a notice; an operation that is over."""
    inbound = _notice(running, services)
    ended = over(services)
    officer, coordinator, lead = (
        _offered(services(role, unit).sharing, record)
        for role, unit, record in (
            (Role.ALERT_OFFICER, "KLF", assumed(services)),
            (Role.LOS_COORDINATOR, "MOS", _asked(services)),
            (Role.INSPECTOR, "MOS", _found(services, ended)),
        )
    )
    manager = services(Role.FUT_MANAGER, "IAF").sharing
    (report,) = records.offers(manager, {(records.assessed(services, records.SAW, crimeSuspected=True), "polismyndigheten")})
    shown = records.previewed(manager, report, records.SAW)
    objects = services(Role.LOS_COORDINATOR, "MOS").controls
    list_of_objects = records.imported(
        objects.ImportObjects, controls.ImportObjectsRequest, PLACE_ROW | {"Adress": f"Dörrgatan {uuid4().int % 10**6}"}
    )
    return {
        **_of(Role.ALERT_OFFICER, officer),
        **_of(Role.LOS_COORDINATOR, coordinator | {"import_id": list_of_objects}),
        **_of(Role.INSPECTOR, lead),
        **_of(Role.FUT_MANAGER, {"preview_id": shown.preview_id, "payload_hash": shown.payload_hash}),
        **_of(Role.LANDLORD_REPORTER, {"import_id": records.alerts_imported(services, Role.LANDLORD_REPORTER)}),
        **_of("over", {"operation_id": ended["operation_id"]}),
        **_of("held", {"disclosure_id": _held(services)}),
        "object_import_id": list_of_objects,
        "inbound_id": inbound,
    }


def _of(whose: str, found: Mapping[str, str]) -> dict[str, str]:
    return {f"{whose}:{name}": value for name, value in found.items()}


def _offered(decider: Any, of: set[tuple[str, str]]) -> dict[str, str]:  # noqa: ANN401  # a stub
    """An offer with a preview, and another one that is decided."""
    first, second = records.offers(decider, of)
    shown = records.previewed(decider, first, records.SAW)
    made, digest = records.decided(decider, records.previewed(decider, second, records.SAW))
    return {"offer_id": first, "preview_id": shown.preview_id, "payload_hash": digest, "disclosure_id": made}


def assumed(services: As) -> set[tuple[str, str]]:
    """Two alerts of which an officer assumes that the register is wrong."""
    officer = services(Role.ALERT_OFFICER, "KLF").registry
    found = set[tuple[str, str]]()
    for _ in range(2):
        alert_id = records.alert(services, "Demo Person")
        asked = registry.AssessAlertRequest(
            request_id=an_id(),
            alert_id=alert_id,
            etag=officer.GetAlert(registry.GetAlertRequest(alert_id=alert_id)).etag,
            assessment=registry.ALERT_ASSESSMENT_ASSUME_ERROR,
            wrong_flat_checked=True,
            suspected_error_kind="not_living_at_registered_dwelling",
            concerns_contract_holder=True,
            protection_check=common_pb2.ProtectionCheck(result=common_pb2.PROTECTION_NONE, checked_time=timestamp(Clock().now())),
            reasons=records.SAW,
        )
        (receiver,) = officer.AssessAlert(asked).offered_to
        found.add((alert_id, receiver))
    return found


def told(services: As) -> str:
    """An alert that Skatteverket has been sent."""
    (alert_id, receiver), *_ = assumed(services)
    officer = services(Role.ALERT_OFFICER, "KLF")
    (offer,) = records.offers(officer.sharing, {(alert_id, receiver)})
    records.approved(services, "KLF", *records.decided(officer.sharing, records.previewed(officer.sharing, offer, records.SAW)))
    asked = registry.GetAlertRequest(alert_id=alert_id)
    records.until(lambda: "sent" if officer.registry.GetAlert(asked).state == registry.ALERT_STATE_NOTICE_SENT else "")
    return alert_id


def _asked(services: As) -> set[tuple[str, str]]:
    """An operation to which two agencies are invited."""
    known = records.drafted(services)
    for agency in (AGENCY, "kronofogden"):
        changed(services, known, "InviteAuthority", controls.InviteAuthorityRequest, receiver_kind=agency)
    return {(known["operation_id"], AGENCY), (known["operation_id"], "kronofogden")}


def over(services: As, said: str = records.SAW) -> dict[str, str]:
    """An operation whose day is over."""
    known = records.begun(services, records.drafted(services, said))
    left = controls.FinishVisitRequest(
        request_id=an_id(), visit_id=known["visit_id"], outcome=controls.VISIT_STATE_DONE, persons_checked_count=1
    )
    services(Role.INSPECTOR, "MOS").controls.FinishVisit(left)
    changed(services, known, "CompleteOperation", controls.CompleteOperationRequest, Role.INSPECTOR)
    return known


def _found(services: As, ended: Mapping[str, str]) -> set[tuple[str, str]]:
    """What was found there, offered to two agencies."""
    lead, page = services(Role.INSPECTOR, "MOS").controls, common_pb2.Page(page_size=10)
    for agency in (AGENCY, OTHER_AGENCY):
        (row,) = lead.ListObservations(findings_pb2.ListObservationsRequest(page=page, visit_id=ended["visit_id"])).observations
        wanted = findings_pb2.OfferFindingRequest(request_id=an_id(), observation_id=row.observation_id, etag=row.etag)
        wanted.receiver_kind = agency
        lead.OfferFinding(wanted)
    return {(ended["observation_id"], AGENCY), (ended["observation_id"], OTHER_AGENCY)}


def _held(services: As) -> str:
    """What the nämnd has told of a payment, kept from gallring."""
    officer = services(Role.FUT_INVESTIGATOR, "IAF").sharing
    (offer,) = records.offers(officer, {(records.assessed(services, records.SAW), AGENCY)})
    made, _ = records.decided(officer, records.previewed(officer, offer, records.SAW))
    held = sharing.HoldDisclosureRequest(request_id=an_id(), disclosure_id=made, held=True, reason="Tillsyn pågår. KS 1")
    services(Role.RECORDS_OFFICER, "IAF").sharing.HoldDisclosure(held)
    return made


def _notice(running: stack.Stack, services: As) -> str:
    """What Försäkringskassan tells the nämnd, sent as the agency sends it."""
    kit = load(running.folder.root / "partners" / AGENCY)
    said = feedback.Notice(
        id=uuid4(),
        scheme="ekonomiskt_bistand",
        period_from="2026-02",
        period_to="2026-08",
        causes=[feedback.Cause("cohabitation", date(2026, 2, 1), date(2026, 8, 31))],
        reference="FK-2026/4711",
        function_mailbox="los@forsakringskassan.example",
        basis_id="underrattelselagen-2026",
        personal_identity_number="198711062391",
    )
    told = feedback.notice(kit, AGENCY, said, Clock().now())
    with broker.producer(kit) as producer:
        producer.send(told.topic, key=told.key, value=told.value, headers=told.headers).get(records.WAIT_S)
    investigator, asked = services(Role.FUT_INVESTIGATOR, "IAF").sharing, sharing.ListInboundRequest(page=common_pb2.Page(page_size=100))

    def come() -> str:
        rows = investigator.ListInbound(asked).inbound
        return next((str(row.inbound_id) for row in rows if row.notice_id == str(said.id)), "")

    return records.until(come)
