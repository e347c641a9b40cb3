"""A visit that two units inspect, and what inspectors do there, for the tests about findings."""

from datetime import timedelta
from itertools import count
from typing import Any
from uuid import uuid4

from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2, findings_pb2

from services.controls.wire.objects import object_message
from services.kernel.callers import Caller, Role
from services.kernel.clock import timestamp
from tests.controls.acts import a_plan_request
from tests.controls.builders import an_object
from tests.controls.conftest import NOW, PERSON, Controls

INSPECTOR = Caller("cli", "mos-inspektor-1", Role.INSPECTOR, "MOS")
COLLEAGUE = Caller("cli", "mos-inspektor-2", Role.INSPECTOR, "MOS")
ALCOHOL = Caller("cli", "sf-inspektor-1", Role.INSPECTOR, "SF")
STRANGER = Caller("cli", "kof-inspektor-1", Role.INSPECTOR, "KOF")
START = NOW + timedelta(hours=22)
TODAY = "2026-11-24"  # the day of the visit
NUMBERS = count(1)
TEXT = "Madrasser och kokplatta i lagret"


def an_id() -> str:
    return str(uuid4())


def seen(**fields: Any) -> findings_pb2.Seen:  # noqa: ANN401
    known: dict[str, Any] = {
        "control_ground_id": "pbl-tillsyn",
        "area": "illegal_lodging",
        "is_deficiency": True,
        "severity": findings_pb2.SEVERITY_SERIOUS,
        "text": TEXT,
    }
    return findings_pb2.Seen(**known | fields)


class Day:
    """An operation of MOS that SF and Arbetsmiljöverket have said yes to, with one visit. `supervision`: how SF was invited."""

    def __init__(self, controls: Controls, *, begun: bool = True, supervision: str = "kommun-tillsynsnamnd", **place: Any) -> None:  # noqa: ANN401
        self.controls = controls
        message = object_message(an_object(street_address=f"Exempelgatan {next(NUMBERS)}", **place).object)
        register = controls_pb2.RegisterObjectRequest(request_id=an_id(), object=message)
        object_id = controls.call("RegisterObject", register).object_id
        planned = controls.call(
            "PlanOperation",
            a_plan_request(own_control_ground_id="pbl-tillsyn", planned_start=timestamp(START), field_lead=PERSON.principal),
        )
        self.operation_id, self.etag = planned.operation_id, planned.etag
        self.visit_id = self.change("AddVisit", controls_pb2.AddVisitRequest(object_id=object_id)).visit_id
        for kind, ground in ((supervision, "alkohollagen-tillsyn"), ("arbetsmiljoverket", "aml-tillsyn")):
            self.change("InviteAuthority", controls_pb2.InviteAuthorityRequest(receiver_kind=kind))
            answer = common_pb2.AnsweredInvitation(
                answer=common_pb2.INVITATION_ANSWER_ACCEPTED, role=common_pb2.PARTICIPATION_ROLE_ON_SITE, control_ground_id=ground
            )
            request = controls_pb2.AnswerInvitationRequest(receiver_kind=kind, answered_invitation=answer)
            self.change("AnswerInvitation", request, ALCOHOL if kind == "SF" else PERSON)
        self.change("ConfirmOperation", controls_pb2.ConfirmOperationRequest())
        if begun:
            self.begin()

    def begin(self) -> None:
        """The day comes, and the visit begins."""
        self.open()
        self.controls.call("StartVisit", controls_pb2.StartVisitRequest(request_id=an_id(), visit_id=self.visit_id))

    def open(self) -> None:
        """The day comes: its lead briefs, and the operation begins."""
        self.controls.clock.moment = START
        self.change("BriefOperation", controls_pb2.BriefOperationRequest(risk_level=controls_pb2.RISK_LEVEL_LOW, assembly_point="Torget"))
        self.change("StartOperation", controls_pb2.StartOperationRequest())

    def finish(self, outcome: controls_pb2.VisitState.ValueType = controls_pb2.VISIT_STATE_DONE) -> None:
        """The visit ends."""
        done = controls_pb2.FinishVisitRequest(request_id=an_id(), visit_id=self.visit_id, outcome=outcome)
        self.controls.call("FinishVisit", done)

    def complete(self) -> None:
        """The visit is done, and so is the day."""
        self.finish()
        self.change("CompleteOperation", controls_pb2.CompleteOperationRequest())

    def summarise(self, party: str, who: Caller = INSPECTOR) -> None:
        """One participant tells that there is nothing to report."""
        request = controls_pb2.RecordSummaryRequest(party=party, nothing_to_report=True)
        if who is PERSON:
            request.told_by, request.told_date = "Registrator", TODAY
        self.change("RecordSummary", request, who)

    def change(self, method: str, request: Any, who: Caller = PERSON) -> Any:  # noqa: ANN401
        request.request_id, request.operation_id = an_id(), self.operation_id
        if "etag" in request.DESCRIPTOR.fields_by_name:
            request.etag = self.etag
        answer = self.controls.call(method, request, who)
        self.etag = answer.etag
        return answer

    def record(self, who: Caller = INSPECTOR, **fields: Any) -> Any:  # noqa: ANN401
        request = findings_pb2.RecordObservationRequest(request_id=an_id(), visit_id=self.visit_id, seen=seen(**fields))
        return self.controls.call("RecordObservation", request, who)

    def act(self, method: str, observation_id: str, who: Caller = INSPECTOR, etag: str = "", **fields: Any) -> Any:  # noqa: ANN401
        """Something done with an observation, from the etag that it has now."""
        request = getattr(findings_pb2, f"{method}Request")(request_id=an_id(), observation_id=observation_id, **fields)
        request.etag = etag or self.observation(observation_id).etag
        return self.controls.call(method, request, who)

    def observation(self, observation_id: str, who: Caller = INSPECTOR) -> findings_pb2.Observation:
        return next(one for one in self.observations(who) if one.observation_id == observation_id)

    def observations(self, who: Caller = INSPECTOR) -> list[findings_pb2.Observation]:
        answer = self.controls.call("ListObservations", findings_pb2.ListObservationsRequest(visit_id=self.visit_id), who)
        return list(answer.observations)

    def measure(self, who: Caller = INSPECTOR, **fields: Any) -> Any:  # noqa: ANN401
        known: dict[str, Any] = {"visit_id": self.visit_id, "measure_type": "forelaggande"}
        return self.controls.call("RecordMeasure", findings_pb2.RecordMeasureRequest(request_id=an_id(), **known | fields), who)

    def told(self, who: Caller = PERSON, authority: str = "arbetsmiljoverket", measure_type: str = "sanktionsavgift", **fields: Any) -> Any:  # noqa: ANN401
        known: dict[str, Any] = {
            "state": findings_pb2.MEASURE_STATE_DECIDED,
            "amount_sek": "12500",
            "decided_date": TODAY,
            "told_by": "Registrator, region öst",
            "told_date": TODAY,
        }
        request = findings_pb2.RecordToldMeasureRequest(request_id=an_id(), visit_id=self.visit_id)
        request.authority, request.measure_type = authority, measure_type
        request.told.CopyFrom(findings_pb2.ToldTerms(**known | fields))
        return self.controls.call("RecordToldMeasure", request, who)

    def board(self, who: Caller = PERSON) -> dict[str, findings_pb2.AuthorityAfterWork]:
        answer = self.controls.call("ListAfterWork", findings_pb2.ListAfterWorkRequest(), who)
        [operation] = [one for one in answer.operations if one.operation_id == self.operation_id]
        return {row.authority: row for row in operation.authorities}
