from datetime import date, timedelta
from functools import partial
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st
from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2 as pb

from services.controls.domain.objects import SNI_VERSIONS, ControlObject, Permit
from services.controls.domain.operations import Answer, Outcome, Part, Reply, Step
from services.controls.wire.objects import object_from, object_message
from services.controls.wire.operations import ANSWERS, OUTCOMES, PARTS, operation_message, outcome_from, outcome_key, plan_from, reply_from
from services.kernel.clock import timestamp
from services.kernel.errors import Invalid
from services.kernel.identity import OrgNumber
from services.kernel.reference import reference
from tests.controls.builders import NOW, SOLE_TRADER, START, YES_ON_SITE, a_plan, an_object, an_operation, answered

TODAY = date(2026, 11, 24)
words = st.text(st.characters(categories=("L", "N", "P"), codec="utf-8"), min_size=1, max_size=20).map(partial(normalize, "NFC"))
coordinates = st.none() | st.tuples(st.integers(6_100_000, 7_700_000), st.integers(250_000, 950_000))


@st.composite
def places(draw: st.DrawFn) -> ControlObject:
    where = draw(coordinates)
    number = draw(st.sampled_from([None, OrgNumber.parse("559999-0008"), OrgNumber.parse(SOLE_TRADER)]))
    return ControlObject(
        street_address=draw(words),
        postal_code=draw(st.from_regex(r"[1-9][0-9]{4}", fullmatch=True)),
        city=draw(words),
        district=draw(words),
        object_type=draw(st.sampled_from([row.code for row in reference().object_types])),
        org_number=number,
        company_name=draw(words) if number else "",
        trading_name=draw(words | st.just("")),
        sni_code=draw(st.from_regex(r"[0-9]{5}", fullmatch=True)),
        north_m=where and where[0],
        east_m=where and where[1],
        opening_hours=draw(words | st.just("")),
        serving_permit=draw(st.booleans()),
        last_control_date=draw(st.none() | st.dates(date(1990, 1, 1), TODAY)),
        sni_version=draw(st.sampled_from(SNI_VERSIONS)),
        property_designation=draw(st.sampled_from(["", "LINKÖPING EXEMPEL 1:1", "LINKÖPING S:T LARS S:12"])),
        property_owner_org=draw(st.sampled_from([None, OrgNumber.parse("559999-0016")])),
        permits=tuple(draw(st.lists(st.builds(Permit, words, words | st.just(""), st.none() | st.dates(date(1990, 1, 1))), max_size=3))),
    )


@given(places())
def test_an_object_through_the_wire_and_back_is_the_same(place: ControlObject) -> None:
    assert object_from(pb.ControlObject.FromString(object_message(place).SerializeToString()), TODAY) == place


replies = st.builds(Reply, st.sampled_from(Answer), st.none() | st.sampled_from(Part), words, words)


@given(replies)
def test_an_answer_through_the_wire_and_back_is_the_same(reply: Reply) -> None:
    message = common_pb2.AnsweredInvitation(
        answer=ANSWERS[reply.answer],
        role=PARTS[reply.part] if reply.part else common_pb2.PARTICIPATION_ROLE_UNSPECIFIED,
        control_ground_id=reply.control_ground_id,
        function_mailbox=reply.function_mailbox,
    )
    assert reply_from(message) == reply


@given(words, words, st.integers(1, 600))
def test_a_plan_through_the_wire_is_the_same(purpose: str, assembly_point: str, minutes: int) -> None:
    plan = a_plan(purpose=purpose, assembly_point=assembly_point, end=START + timedelta(minutes=minutes))
    request = pb.PlanOperationRequest(
        purpose=plan.purpose,
        planned_start=timestamp(plan.start),
        planned_end=timestamp(plan.end),
        assembly_point=plan.assembly_point,
        safety_code=plan.safety_code,
    )
    assert plan_from(request) == plan


@pytest.mark.parametrize("outcome", Outcome)
def test_every_status_is_known(outcome: Outcome) -> None:
    assert outcome_from(common_pb2.RecordOutcome(status=OUTCOMES[outcome])) is outcome


def test_every_word_of_the_contract_has_its_word_in_the_domain() -> None:
    for table, enum in ((ANSWERS, common_pb2.InvitationAnswer), (PARTS, common_pb2.ParticipationRole)):
        assert set(table.values()) == set(enum.values()) - {0}
    assert set(OUTCOMES.values()) == set(common_pb2.OutcomeStatus.values())


def test_a_form_with_a_wrong_number_is_refused_field_first_without_the_number() -> None:
    message = object_message(an_object().object)
    message.org_number = SOLE_TRADER[:-1] + "3"
    with pytest.raises(Invalid, match=r"^org_number: organisationsnumret stämmer inte\.$"):
        object_from(message, TODAY)


def test_an_answer_that_is_neither_yes_nor_no_is_refused() -> None:
    with pytest.raises(Invalid, match="answer: "):
        reply_from(common_pb2.AnsweredInvitation())


def test_an_outcome_about_something_that_is_no_id_is_refused() -> None:
    with pytest.raises(Invalid, match="record_id: "):
        outcome_key(common_pb2.RecordOutcome(record_id="x"))


def test_a_coordinator_sees_visits_answers_and_how_far_each_step_has_come() -> None:
    kind = "kronofogden"
    operation = answered(an_operation(kind), {kind: YES_ON_SITE[kind]})
    message = operation_message(operation.with_outcome((operation.id, kind), Outcome.RECEIVED), NOW, {})
    assert [visit.position for visit in message.visits] == [1, 2, 3]
    assert message.visits[0].object.street_address == "Exempelgatan 1"
    (participation,) = message.participations
    assert participation.answer == common_pb2.INVITATION_ANSWER_ACCEPTED
    assert participation.control_ground_id == "kfm-forrattning"
    assert participation.invitation_status == common_pb2.OUTCOME_STATUS_RECEIVED
    assert participation.plan_status == OUTCOMES[operation.outcome(kind, Step.PLAN)]
