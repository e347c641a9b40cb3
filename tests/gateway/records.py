"""One record of each kind that an address can name, made by the services themselves; the unit that has it is in doors.UNITS."""

import time
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, TypeVar
from uuid import uuid4

import grpc
from google.protobuf.json_format import ParseDict
from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2 as controls
from los.controls.v1 import findings_pb2, tips_pb2
from los.registry.v1 import registry_pb2 as registry
from los.sharing.v1 import sharing_pb2 as sharing

from infra import stack
from services.gateway.app import GatewayConfig
from services.gateway.calls import Calls, Services
from services.gateway.rest import examples, examples_shared
from services.kernel.callers import Role
from services.kernel.clock import Clock, timestamp
from tests.gateway.doors import LANDLORD, someone

Found = TypeVar("Found", str, list[str])
WAIT_S = 60
SAW = "Sängar i lagret."
GROUND = "pbl-tillsyn"
As = Callable[[Role, str], Services]


@contextmanager
def speaking(running: stack.Stack) -> Iterator[As]:
    """The services as anybody may use them, as the gateway would speak for them."""
    config = GatewayConfig.model_validate(tomllib.loads((running.folder.config / "gateway.toml").read_text(encoding="utf-8")))
    calls = Calls(config.peers, config.tls, config.assertion_key_file)
    try:
        yield lambda role, unit: calls.speaking_for(someone(role, unit))
    finally:
        calls.close()


def an_id() -> str:
    return str(uuid4())


def records(services: As) -> dict[str, str]:
    """Their ids, by the word that stands for each in an address."""
    operation = begun(services, drafted(services))
    check = registry.RegisterSupplierCheckRequest(request_id=an_id(), check=examples_shared.CHECKED)
    checked = services(Role.CASE_OFFICER, "VSS").registry.RegisterSupplierCheck(check)
    found = {"look_up_id": _look_up(services), "check_id": checked.check_id, "import_id": alerts_imported(services, Role.ALERT_OFFICER)}
    return {**found, **common(services), **operation}


def common(services: As, said: str = SAW) -> dict[str, str]:
    """An alert, a payment with an offer and a decision, and a ground; `said` is what people have written."""
    case = {"alert_id": alert(services, said), "payment_id": _flagged(services).payment_id, "ground_id": "underrattelselagen-2026"}
    return case | _told(services, said)


def alert(services: As, said: str) -> str:
    report = registry.AlertReport()
    report.CopyFrom(examples.REPORT)
    report.landlord_org_number, report.street_address = LANDLORD, f"Dörrgatan {uuid4().int % 10**6}"
    report.contract_holder_name = said
    made = services(Role.LANDLORD_REPORTER, "KLF").registry.RegisterAlert(registry.RegisterAlertRequest(request_id=an_id(), report=report))
    return str(made.alert_id)


def alerts_imported(services: As, role: Role) -> str:
    """A file of alerts with one row."""
    row = {
        "Org.nr hyresvärd": LANDLORD,
        "Fastighet": "LINKÖPING DÖRREN 1:1",
        "Gatuadress": f"Dörrgatan {uuid4().int % 10**6}",
        "Postnr": "58222",
        "Ort": "Linköping",
        "Lgh-nr (folkbokf.)": "1201",
        "Kontraktsinnehavare": "Demo Person",
        "Personnr": "198810162399",
        "Fr.o.m.": "2026-09-24",
        "T.o.m.": "2026-10-06",
        "Iakttagelse": "hyresgästen bor inte där",
        "Källa": "dokument",
    }
    return imported(services(role, "KLF").registry.ImportAlerts, registry.ImportAlertsRequest, row)


def imported(call: Any, request: Any, row: Mapping[str, str]) -> str:  # noqa: ANN401  # of a stub, and its message
    """A file with this row is read in."""
    parts = [
        common_pb2.ImportRequest(header=common_pb2.TableHeader(columns=list(row))),
        common_pb2.ImportRequest(row=common_pb2.TableRow(number=2, cells=list(row.values()))),
    ]
    (answer,) = call(iter([request(part=part) for part in parts]))
    return str(answer.row.import_id)


def _look_up(services: As) -> str:
    """A question without a case of one's own: refused and kept."""
    asked = registry.LookUpPersonRequest(
        request_id=an_id(), record_kind="suspected_payment", record_id=an_id(), purpose="same_person", id_number="198711062391"
    )
    with suppress(grpc.RpcError):
        services(Role.FUT_INVESTIGATOR, "IAF").registry.LookUpPerson(asked)
    page = common_pb2.Page(page_size=100)
    rows = services(Role.SECURITY_OFFICER, "KLF").registry.ListLookUps(registry.ListLookUpsRequest(page=page)).look_ups
    return str(next(row.look_up_id for row in rows if row.record_id == asked.record_id))


def task(services: As, said: str) -> str:
    """What is to be told another way: decided and approved, to somebody who has no channel."""
    officer = services(Role.FUT_INVESTIGATOR, "IAF").sharing
    payment = assessed(services, said, benefit="bostadstillagg", body="pensionsmyndigheten")
    (offer,) = offers(officer, {(payment, "pensionsmyndigheten")})
    made, digest = decided(officer, previewed(officer, offer, said))
    approved(services, "IAF", made, digest)
    return made


def approved(services: As, unit: str, made: str, digest: str) -> None:
    """The colleague's yes."""
    word = sharing.ApproveDisclosureRequest(
        request_id=an_id(), disclosure_id=made, payload_hash=digest, decision=sharing.DECISION_SEND, delegation_reference="4.2"
    )
    services(Role.APPROVER, unit).sharing.ApproveDisclosure(word)


def _told(services: As, said: str) -> dict[str, str]:
    """A payment whose other benefit waits for a decision, and another one that is decided and waits for a colleague."""
    officer = services(Role.FUT_INVESTIGATOR, "IAF").sharing
    first, second = offers(officer, {(assessed(services, said), "forsakringskassan") for _ in range(2)})
    shown = previewed(officer, first, said)
    made, digest = decided(officer, previewed(officer, second, said))
    return {"offer_id": first, "preview_id": shown.preview_id, "payload_hash": digest, "disclosure_id": made}


def decided(officer: Any, shown: sharing.PreviewDisclosureResponse) -> tuple[str, str]:  # noqa: ANN401  # a stub
    """The disclosure, and the digest of what is sent."""
    wanted = sharing.DecideDisclosureRequest(
        request_id=an_id(),
        preview_id=shown.preview_id,
        payload_hash=shown.payload_hash,
        decision=sharing.DECISION_SEND,
        delegation_reference="4.2",
    )
    return str(officer.DecideDisclosure(wanted).disclosure_id), shown.payload_hash


def _flagged(services: As) -> registry.RegisterSuspectedPaymentResponse:
    flag = registry.PaymentFlag()
    flag.CopyFrom(examples.FLAG)
    flag.case_number = f"IAF-{uuid4().hex[:8]}"
    asked = registry.RegisterSuspectedPaymentRequest(request_id=an_id(), flag=flag)
    made: registry.RegisterSuspectedPaymentResponse = services(Role.CASE_OFFICER, "IAF").registry.RegisterSuspectedPayment(asked)
    return made


def assessed(services: As, said: str, benefit: str = "bostadsbidrag", body: str = "forsakringskassan", **more: object) -> str:
    """A payment; `more`: what else the assessment says."""
    made = _flagged(services)
    fact = {"code": "housing_cost", "fromDate": "2026-02-01"}
    other = {
        "benefitType": benefit,
        "decidingBody": body,
        "periodFrom": "2026-02",
        "periodTo": "2026-09",
        "suspectedErrorKind": "housing_cost",
        "circumstances": [fact],
        "observedAt": "2026-10-01",
    }
    wanted = {
        "requestId": an_id(),
        "paymentId": made.payment_id,
        "etag": made.etag,
        "assessment": "PAYMENT_ASSESSMENT_PRELIMINARY_CHECK",
        "noConflictOfInterest": True,
        "ownErrorRuledOut": True,
        "recipientName": said,
        "reasons": said,
        "otherBenefits": [other],
        **more,
    }
    request = ParseDict(wanted, registry.AssessSuspectedPaymentRequest())
    request.protection_check.CopyFrom(common_pb2.ProtectionCheck(result=common_pb2.PROTECTION_NONE, checked_time=timestamp(Clock().now())))
    services(Role.FUT_INVESTIGATOR, "IAF").registry.AssessSuspectedPayment(request)
    return str(made.payment_id)


def refused(services: As) -> str:
    """What nobody has anything left to do about: it was decided that it is not told."""
    officer = services(Role.FUT_INVESTIGATOR, "IAF").sharing
    (offer,) = offers(officer, {(assessed(services, "Demo Person"), "forsakringskassan")})
    shown = previewed(officer, offer, SAW)
    word = sharing.DecideDisclosureRequest(request_id=an_id(), preview_id=shown.preview_id, payload_hash=shown.payload_hash)
    word.decision, word.delegation_reference, word.reason = sharing.DECISION_REFUSE, "4.2", SAW
    return str(officer.DecideDisclosure(word).disclosure_id)


def offers(decider: Any, of: Collection[tuple[str, str]]) -> list[str]:  # noqa: ANN401  # a stub
    """The offers that wait of these records to these receivers, when they have come."""
    waiting = sharing.ListOffersRequest(page=common_pb2.Page(page_size=100), states=[sharing.OFFER_STATE_WAITING])

    def come() -> list[str]:
        found = {(row.record_id, row.receiver_kind): row.offer_id for row in decider.ListOffers(waiting).offers}
        return [found[each] for each in of] if found.keys() >= set(of) else []

    return until(come)


def until(look: Callable[[], Found]) -> Found:
    """What there is, as soon as it is there."""
    deadline = time.monotonic() + WAIT_S
    while not (found := look()):
        assert time.monotonic() < deadline, "it has not come"
        time.sleep(0.1)
    return found


def previewed(officer: Any, offer_id: str, said: str) -> sharing.PreviewDisclosureResponse:  # noqa: ANN401  # a stub
    shown = officer.PreviewDisclosure(sharing.PreviewDisclosureRequest(request_id=an_id(), offer_id=offer_id))
    written = [sharing.WrittenPoint(point=point, text=said) for point in shown.missing_points]
    asked = sharing.PreviewDisclosureRequest(request_id=an_id(), offer_id=offer_id, written=written)
    found: sharing.PreviewDisclosureResponse = officer.PreviewDisclosure(asked)
    return found


def drafted(services: As, said: str = SAW) -> dict[str, str]:
    """A tip about an object, and an operation of today that is to visit it, led by the unit's inspector."""
    coordinator = services(Role.LOS_COORDINATOR, "MOS").controls
    place = controls.ControlObject()
    place.CopyFrom(examples.PLACE)
    place.street_address, place.trading_name = f"Dörrgatan {uuid4().int % 10**6}", said
    object_id = coordinator.RegisterObject(controls.RegisterObjectRequest(request_id=an_id(), object=place)).object_id
    now = Clock().now()
    tip = coordinator.RegisterTip(
        tips_pb2.RegisterTipRequest(
            request_id=an_id(),
            source_type="own_inspector",
            received_time=timestamp(now - timedelta(days=1)),
            suspicion_types=["illegal_lodging"],
            summary=said,
            object_id=object_id,
        )
    )
    planned = coordinator.PlanOperation(
        controls.PlanOperationRequest(
            request_id=an_id(),
            label=f"LOS-2026-{uuid4().int % 10000}",
            purpose=said,
            planned_start=timestamp(now + timedelta(minutes=1)),
            planned_end=timestamp(now + timedelta(hours=5)),
            own_control_ground_id=GROUND,
            field_lead=someone(Role.INSPECTOR, "MOS").principal,
        )
    )
    known = {"operation_id": planned.operation_id, "object_id": object_id, "tip_id": tip.tip_id}
    return known | {"visit_id": changed(services, known, "AddVisit", controls.AddVisitRequest, object_id=object_id).visit_id}


def begun(services: As, known: dict[str, str]) -> dict[str, str]:
    """The operation is confirmed, a unit is invited, the visit is under way and something is seen."""
    lead = services(Role.INSPECTOR, "MOS").controls
    changed(services, known, "InviteAuthority", controls.InviteAuthorityRequest, receiver_kind="SF")
    changed(services, known, "ConfirmOperation", controls.ConfirmOperationRequest, override_reason="Svar dröjer.")
    risk = {"risk_level": controls.RISK_LEVEL_LOW, "assembly_point": "Garaget"}
    changed(services, known, "BriefOperation", controls.BriefOperationRequest, Role.INSPECTOR, **risk)
    changed(services, known, "StartOperation", controls.StartOperationRequest, Role.INSPECTOR)
    lead.StartVisit(controls.StartVisitRequest(request_id=an_id(), visit_id=known["visit_id"]))
    seen = findings_pb2.Seen(control_ground_id=GROUND, area=_area(lead), is_deficiency=True, severity=findings_pb2.SEVERITY_MINOR, text=SAW)
    made = lead.RecordObservation(findings_pb2.RecordObservationRequest(request_id=an_id(), visit_id=known["visit_id"], seen=seen))
    asked = findings_pb2.RecordMeasureRequest(request_id=an_id(), visit_id=known["visit_id"], measure_type="forelaggande")
    return known | {"observation_id": made.observation_id, "measure_id": lead.RecordMeasure(asked).measure_id}


def changed(services: As, known: dict[str, str], method: str, message: Any, role: Role = Role.LOS_COORDINATOR, **more: object) -> Any:  # noqa: ANN401
    """The operation, changed as it is now."""
    stub, named = services(role, "MOS").controls, {"operation_id": known["operation_id"]}
    etag = stub.GetOperation(controls.GetOperationRequest(**named)).etag
    return getattr(stub, method)(message(request_id=an_id(), etag=etag, **named, **more))


def _area(lead: Any) -> str:  # noqa: ANN401  # a stub
    lists = lead.GetChecklists(findings_pb2.GetChecklistsRequest()).checklists
    return str(next(item.area for row in lists if row.authority == "MOS" for item in row.items if item.control_ground_id == GROUND))
