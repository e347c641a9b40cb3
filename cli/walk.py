"""The main job, walked by the demo's people: what an officer, a second person and a coordinator do, call by call.

Each step looks at what is there and does what is left to do, so a second walk over the same folder finds nothing to send.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import grpc
from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2 as controls
from los.registry.v1 import registry_pb2 as registry
from los.sharing.v1 import sharing_pb2 as sharing

from cli.client import Session
from services.kernel.callers import Role
from services.kernel.clock import STOCKHOLM, Clock, timestamp
from services.kernel.identity import OrgNumber
from services.kernel.reference import reference

WAIT_S = 180
POLL_S = 0.3
PAGE_SIZE = 100
OPERATION = "LOS-2026-1"
INVITED = ("skatteverket-beskattning", "forsakringskassan", "kronofogden", "polismyndigheten")
VISITS = 3
LEAD = "mos-inspektor-1"
COLLEAGUES = "SF"
"""The unit that comes along today: with supervision of its own, so that it answers here."""
DELEGATION = "Delegationsordning 4.2"
Say = Callable[[str], None]


class Waited(Exception):  # what happened, not an error of ours
    """What was waited for did not come in time; the message is Swedish."""


@dataclass
class Found:
    """What the walk saw that no disclosure shows: what was not shared, and why. Counts per Swedish reason."""

    refused: Counter[str] = field(default_factory=Counter)
    stopped: Counter[str] = field(default_factory=Counter)


def pages(call: Callable[[common_pb2.Page], Any], rows: str) -> Iterator[Any]:
    """All rows of a list, page by page."""
    token = ""
    while True:
        answer = call(common_pb2.Page(page_size=PAGE_SIZE, page_token=token))
        yield from getattr(answer, rows)
        token = answer.next_page_token
        if not token:
            return


def wait_for(what: str, done: Callable[[], bool]) -> None:
    """Look again until it is so. Raises Waited after three minutes."""
    deadline = time.monotonic() + WAIT_S
    while not done():
        if time.monotonic() > deadline:
            raise Waited(f"{what} har inte kommit på {WAIT_S} sekunder.")
        time.sleep(POLL_S)


def checked(result: common_pb2.Protection.ValueType = common_pb2.PROTECTION_NONE) -> common_pb2.ProtectionCheck:
    """The register check, made now by the person who assesses."""
    return common_pb2.ProtectionCheck(result=result, checked_time=timestamp(Clock().now()))


class Walk:
    """The people and what they do. `sessions` is per role and unit."""

    def __init__(self, sessions: Mapping[tuple[Role, str], Session], say: Say) -> None:
        """`say` tells the user what is going on."""
        self._sessions = sessions
        self._say = say
        self._today: date = Clock().today()
        self.found = Found()
        self._offered: dict[str, set[tuple[str, str]]] = {}

    def _expect(self, unit: str, record_id: str, receiver_kinds: Iterable[str]) -> None:
        """Remember what registry and controls promised to offer; it arrives a little later."""
        self._offered.setdefault(unit, set()).update((record_id, receiver_kind) for receiver_kind in receiver_kinds)

    # alerts -------------------------------------------------------------------------------------------------------

    def assess_alerts(self) -> None:
        """KLF's officer goes through the landlord's list. One person turns out to be protected; that alert is stopped."""
        officer = self._sessions[Role.ALERT_OFFICER, "KLF"].registry
        rows = list(
            pages(lambda page: officer.ListAlerts(registry.ListAlertsRequest(page=page, states=[registry.ALERT_STATE_SCREENED])), "alerts")
        )
        self._say(f"Handläggaren på KLF bedömer {len(rows)} anmälningar från hyresvärden …")
        for number, row in enumerate(rows):
            alert = officer.GetAlert(registry.GetAlertRequest(alert_id=row.alert_id))
            answer = officer.AssessAlert(self._assessment(alert, is_protected=number == 0))
            self._expect("KLF", answer.alert_id, answer.offered_to)

    def _assessment(self, alert: registry.GetAlertResponse, *, is_protected: bool) -> registry.AssessAlertRequest:
        request = registry.AssessAlertRequest(
            request_id=str(uuid4()),
            alert_id=alert.alert_id,
            etag=alert.etag,
            wrong_flat_checked=True,
            protection_check=checked(common_pb2.PROTECTION_PROTECTED if is_protected else common_pb2.PROTECTION_NONE),
            reasons="Hyresvärdens daterade iakttagelser jämförda med folkbokföringen.",
        )
        codes = set(alert.report.observation_types)
        strong = {code for code in codes if not reference().observations[code].weak}
        if is_protected:
            request.assessment = registry.ALERT_ASSESSMENT_NOT_ENOUGH
            self.found.stopped["Skyddade personuppgifter: ärendet är stoppat, ingen får något."] += 1
        elif codes == {"wrong_apartment_number"}:
            request.assessment = registry.ALERT_ASSESSMENT_WRONG_FLAT
            self.found.refused["Fel lägenhetsnummer bara i hyresvärdens lista: inget fel i folkbokföringen."] += 1
        elif alert.needs_review and len(codes) == 1:
            request.assessment = registry.ALERT_ASSESSMENT_NEEDS_COMPLETION
            self.found.refused["Uppgiften kommer från någon annan än hyresvärden och behöver kompletteras."] += 1
        elif not strong:
            request.assessment = registry.ALERT_ASSESSMENT_NOT_ENOUGH
            self.found.refused["Svaga tecken räcker inte för att anta ett fel."] += 1
        else:
            request.assessment = registry.ALERT_ASSESSMENT_ASSUME_ERROR
            request.suspected_error_kind = "not_living_at_registered_dwelling"
            request.concerns_contract_holder = True
            if alert.needs_review:
                day = (self._today - timedelta(days=3)).isoformat()
                request.own_facts.append(common_pb2.Circumstance(code="apartment_empty", from_date=day, to_date=day))
        return request

    # payments -----------------------------------------------------------------------------------------------------

    def assess_payments(self) -> None:
        """IAF's investigator goes through the flags and adds dated facts about the other benefit; one is a suspected crime."""
        officer = self._sessions[Role.FUT_INVESTIGATOR, "IAF"].registry
        request = registry.ListSuspectedPaymentsRequest
        rows = list(
            pages(lambda page: officer.ListSuspectedPayments(request(page=page, states=[registry.PAYMENT_STATE_FLAGGED])), "payments")
        )
        self._say(f"Utredaren på IAF går igenom {len(rows)} flaggade utbetalningar …")
        crime_seen = False
        for number, row in enumerate(rows, 1):
            payment = officer.GetSuspectedPayment(registry.GetSuspectedPaymentRequest(payment_id=row.payment_id))
            assessment = self._payment_assessment(payment, f"Demoperson {number}")
            causes, own = payment.flag.causes, reference().schemes[payment.flag.payment_scheme].decided_by == "IAF"
            if own and not crime_seen and "forged_document" in causes and "authority_error" not in causes:
                assessment.crime_suspected = crime_seen = True
            answer = officer.AssessSuspectedPayment(assessment)
            self._expect("IAF", answer.payment_id, answer.offered_to)

    def _payment_assessment(self, payment: registry.GetSuspectedPaymentResponse, name: str) -> registry.AssessSuspectedPaymentRequest:
        flag = payment.flag
        request = registry.AssessSuspectedPaymentRequest(
            request_id=str(uuid4()),
            payment_id=payment.payment_id,
            etag=payment.etag,
            assessment=registry.PAYMENT_ASSESSMENT_PRELIMINARY_CHECK,
            no_conflict_of_interest=True,
            own_error_ruled_out=True,
            protection_check=checked(),
            recipient_name=name,
            reasons="Akten genomgången.",
        )
        if "authority_error" in flag.causes:
            request.assessment = registry.PAYMENT_ASSESSMENT_AUTHORITY_ERROR
            request.own_error_ruled_out = False
            self.found.refused["Kommunens eget fel: ingen underrättelse."] += 1
        elif not flag.other_benefit:
            self.found.refused["Ingen annan förmån är känd: ingen att underrätta."] += 1
        elif not reference().question_is_open(flag.causes, flag.other_benefit):
            self.found.refused["Orsaken säger ingenting om den andra förmånen: ingen underrättelse."] += 1
        else:
            benefit = reference().benefits[flag.other_benefit]
            cause = next(code for code in flag.causes if reference().causes[code].opens_question_about(benefit))
            days = (f"{flag.period_from}-01", f"{flag.period_to}-01")
            request.other_benefits.append(
                registry.OtherBenefit(
                    benefit_type=flag.other_benefit,
                    deciding_body=flag.deciding_body,
                    period_from=flag.period_from,
                    period_to=flag.period_to,
                    suspected_error_kind=cause,
                    circumstances=[common_pb2.Circumstance(code=cause, from_date=days[0], to_date=days[1])],
                    observed_at=(self._today - timedelta(days=7)).isoformat(),
                )
            )
        return request

    # a control ----------------------------------------------------------------------------------------------------

    def plan_operation(self) -> str:
        """MOS's coordinator plans three visits and invites all four agencies; the operation's id. Planned once."""
        say = f"Samordnaren på MOS planerar insatsen {OPERATION} med {VISITS} besök och bjuder in fyra myndigheter …"
        start = Clock().now().astimezone(STOCKHOLM).replace(hour=18, minute=0, second=0, microsecond=0) + timedelta(days=21)
        operation_id, is_new = self._planned(OPERATION, start, slice(VISITS), INVITED, say)
        if is_new:
            self._expect("MOS", operation_id, INVITED)
        return operation_id

    def prepare_today(self) -> str:
        """An operation whose lead can go through the risks and begin now; its id. Two units of the kommun take part, so nothing is sent."""
        start = (Clock().now().astimezone(STOCKHOLM) + timedelta(minutes=2)).replace(second=0, microsecond=0)
        label = f"LOS-{start:%Y-%m%d}"
        say = f"Samordnaren på MOS bekräftar insatsen {label} för i dag, tillsammans med {COLLEAGUES} …"
        operation_id, is_new = self._planned(label, start, slice(VISITS, 2 * VISITS), (COLLEAGUES,), say)
        if is_new:
            answer = common_pb2.AnsweredInvitation(
                answer=common_pb2.INVITATION_ANSWER_ACCEPTED,
                role=common_pb2.PARTICIPATION_ROLE_ON_SITE,
                control_ground_id="alkohollagen-tillsyn",
            )
            wanted = controls.AnswerInvitationRequest(
                request_id=str(uuid4()), operation_id=operation_id, receiver_kind=COLLEAGUES, answered_invitation=answer
            )
            etag = self._sessions[Role.INSPECTOR, COLLEAGUES].controls.AnswerInvitation(wanted).etag
            confirm = controls.ConfirmOperationRequest(request_id=str(uuid4()), operation_id=operation_id, etag=etag)
            self._sessions[Role.LOS_COORDINATOR, "MOS"].controls.ConfirmOperation(confirm)
        return operation_id

    def _planned(self, label: str, start: datetime, objects: slice, invited: Iterable[str], say: str) -> tuple[str, bool]:
        """An operation's id, and whether it was planned now: with visits to these of the objects that are listed first."""
        coordinator = self._sessions[Role.LOS_COORDINATOR, "MOS"].controls
        existing = pages(lambda page: coordinator.ListOperations(controls.ListOperationsRequest(page=page)), "operations")
        for row in existing:
            if row.label == label:
                return str(row.operation_id), False
        self._say(say)
        planned = coordinator.PlanOperation(
            controls.PlanOperationRequest(
                request_id=str(uuid4()),
                label=label,
                purpose="Sund konkurrens",
                planned_start=timestamp(start),
                planned_end=timestamp(start + timedelta(hours=5)),
                assembly_point="Stadshusets garage",
                field_lead=LEAD,
                own_control_ground_id="pbl-tillsyn",
                safety_code="normal",
            )
        )
        etag = planned.etag
        listed = coordinator.ListObjects(controls.ListObjectsRequest(page=common_pb2.Page(page_size=objects.stop))).objects
        for row in listed[objects]:
            visit = controls.AddVisitRequest(request_id=str(uuid4()), operation_id=planned.operation_id, etag=etag, object_id=row.object_id)
            etag = coordinator.AddVisit(visit).etag
        for party in invited:
            request = controls.InviteAuthorityRequest(
                request_id=str(uuid4()), operation_id=planned.operation_id, etag=etag, receiver_kind=party
            )
            etag = coordinator.InviteAuthority(request).etag
        return str(planned.operation_id), True

    def confirm_operation(self, operation_id: str) -> None:
        """Wait for the answers, then confirm: the plan is offered to those on site with a ground of their own."""
        coordinator = self._sessions[Role.LOS_COORDINATOR, "MOS"].controls

        def operation() -> controls.GetOperationResponse:
            return coordinator.GetOperation(controls.GetOperationRequest(operation_id=operation_id))

        if operation().state == controls.OPERATION_STATE_CONFIRMED:
            return
        self._say("Väntar på myndigheternas svar på inbjudan …")
        unanswered = common_pb2.INVITATION_ANSWER_UNSPECIFIED
        wait_for("Svaren på inbjudan", lambda: all(part.answer != unanswered for part in operation().participations))
        request = controls.ConfirmOperationRequest(request_id=str(uuid4()), operation_id=operation_id, etag=operation().etag)
        answer = coordinator.ConfirmOperation(request)
        for visit in operation().visits:
            if not visit.object.org_number or OrgNumber.parse(visit.object.org_number).is_personal:
                self.found.refused["Utan ett bolag på platsen kan adressen vara någons hem: planen lämnas inte till någon."] += 1
            else:
                self._expect("MOS", visit.visit_id, answer.offered_to)

    # sharing ------------------------------------------------------------------------------------------------------

    def share(self, unit: str, deciders: Mapping[str, tuple[Session, Session | None]]) -> None:
        """Decide on all that waits at a unit: for each record kind one person, and a second where the law wants two."""
        session = next(iter(deciders.values()))[0]
        expected = self._offered.pop(unit, set())
        wait_for("Erbjudandena till delning", lambda: expected <= {(row.record_id, row.receiver_kind) for row in self.offers(session)})
        waiting = self.offers(session, sharing.OFFER_STATE_WAITING)
        self._say(f"{unit} beslutar om {len(waiting)} utlämnanden …")
        for row in waiting:
            first, second = deciders[row.record_kind]
            self._decide(first, second, row.offer_id)

    @staticmethod
    def offers(session: Session, *states: sharing.OfferState.ValueType) -> list[sharing.OfferRow]:
        """A unit's offers in these states."""
        return list(pages(lambda page: session.sharing.ListOffers(sharing.ListOffersRequest(page=page, states=states)), "offers"))

    @staticmethod
    def disclosures(session: Session, *states: sharing.DisclosureState.ValueType) -> list[sharing.DisclosureRow]:
        """A unit's disclosures in these states; all when none is named."""
        request = sharing.ListDisclosuresRequest
        return list(pages(lambda page: session.sharing.ListDisclosures(request(page=page, states=states)), "disclosures"))

    @staticmethod
    def _decide(first: Session, second: Session | None, offer_id: str) -> None:
        ask = sharing.PreviewDisclosureRequest
        preview = first.sharing.PreviewDisclosure(ask(request_id=str(uuid4()), offer_id=offer_id))
        written = [sharing.WrittenPoint(point=point, text=WRITTEN.get(point, "Ja, kontrollerat.")) for point in preview.missing_points]
        preview = first.sharing.PreviewDisclosure(ask(request_id=str(uuid4()), offer_id=offer_id, written=written))
        decided = first.sharing.DecideDisclosure(
            sharing.DecideDisclosureRequest(
                request_id=str(uuid4()),
                preview_id=preview.preview_id,
                payload_hash=preview.payload_hash,
                decision=sharing.DECISION_SEND,
                delegation_reference=DELEGATION,
            )
        )
        if decided.state == sharing.DISCLOSURE_STATE_AWAITING_APPROVAL and second is not None:
            second.sharing.ApproveDisclosure(
                sharing.ApproveDisclosureRequest(
                    request_id=str(uuid4()),
                    disclosure_id=decided.disclosure_id,
                    payload_hash=preview.payload_hash,
                    decision=sharing.DECISION_SEND,
                    delegation_reference=DELEGATION,
                )
            )

    def wait_for_receipts(self, sessions: Iterable[Session]) -> None:
        """Until every disclosure that went over the bus has its receipt."""
        self._say("Väntar på kvittenser …")
        under_way = (sharing.DISCLOSURE_STATE_DECIDED, sharing.DISCLOSURE_STATE_SENT)
        wait_for("Kvittenserna", lambda: not any(self.disclosures(session, *under_way) for session in sessions))


WRITTEN: Mapping[str, str] = {  # what the demo's people write (sharing-matrix 6.2)
    "special_reasons": "Nej, inga särskilda skäl har framkommit.",
    "sent": "Skickas av FUT-chefen på Polisens vanliga väg; uppgiften ligger kvar tills det är gjort.",
    "necessity": "Kontrollen måste göras samtidigt och tryggt; varje fält behövs för det.",
    "own_ground": "11 kap. 8 § plan- och bygglagen.",
    "marking": "Ja, 17 kap. 1 § OSL.",
}


def reason_of(error: grpc.RpcError) -> str:
    """The Swedish sentence of a failed call."""
    return str(error.details())
