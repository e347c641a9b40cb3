from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

from google.protobuf.json_format import MessageToJson
from hypothesis import given
from hypothesis import strategies as st

from services.controls.domain.objects import StoredObject
from services.controls.domain.offers import changed_offers, invitation_facts, wanted, why_no_plan
from services.controls.domain.operation_life import cancel, confirm
from services.controls.domain.operations import OVER, Answer, Operation, Outcome, Part, Reply, State, Step
from services.controls.domain.parties import invitable
from services.controls.wire.offers import offer_request
from services.kernel.clock import STOCKHOLM
from services.kernel.errors import Invalid
from tests.controls.builders import (
    COORDINATOR,
    NO,
    OWN_GROUND,
    OWN_GROUNDS,
    START,
    YES_ON_SITE,
    YES_PLANNING,
    a_plan,
    a_sole_trader,
    an_object,
    an_operation,
    answered,
    offered,
)

SKV, FK, KFM, POLICE = "skatteverket-beskattning", "forsakringskassan", "kronofogden", "polismyndigheten"
INVITATION = {"reference", "window_start", "window_end", "participating_authorities"}
PLAN = INVITATION | {"meeting_point", "object_org_number", "object_trade_name", "object_address", "safety_code", "own_legal_ground_id"}

texts = st.text(st.characters(categories=("L", "N", "P")), min_size=12, max_size=30)
instants = st.datetimes(START.replace(tzinfo=None), datetime(2030, 1, 1)).map(lambda moment: moment.replace(tzinfo=STOCKHOLM))  # noqa: DTZ001
answers = st.one_of(
    st.none(),
    st.just(NO),
    st.builds(
        Reply,
        st.just(Answer.ACCEPTED),
        st.sampled_from(Part),
        st.sampled_from(["", *OWN_GROUNDS.values(), "pbl-tillsyn", "skv-revision"]),
    ),
)


@st.composite
def operations(draw: st.DrawFn) -> Operation:
    """Any operation that could come about, with its offers not yet made."""
    places = draw(
        st.lists(st.builds(an_object, trading_name=texts, street_address=texts) | st.builds(a_sole_trader), min_size=1, max_size=4)
    )
    kinds = draw(st.lists(st.sampled_from(sorted(invitable() - {"MOS"})), unique=True, min_size=2))
    start = draw(instants)
    operation = an_operation(*kinds, places=tuple(places), own_ground=draw(st.sampled_from(["", OWN_GROUND])))
    operation = replace(
        operation, plan=a_plan(start=start, end=start + timedelta(hours=5), purpose=draw(texts), assembly_point=draw(texts))
    )
    for kind in kinds:
        reply = draw(answers)
        if reply is not None:
            try:
                operation = operation.answered(kind, reply)
            except Invalid as refused:
                operation = operation.not_taken(kind, refused.message)
    if draw(st.booleans()):
        operation = confirm(operation, "skäl", COORDINATOR)
    return replace(operation, offers=())


def names_of(place: StoredObject) -> list[str]:
    return [place.object.company_name, place.object.trading_name]


@given(operations())
def test_an_invitation_never_tells_object_place_person_or_time_of_day(operation: Operation) -> None:
    for offer in changed_offers(operation):
        if offer.step is Step.INVITATION:
            request = offer_request(uuid4(), operation, offer, "mos-1")
            facts = request.control_invitation.control
            text = MessageToJson(facts, ensure_ascii=False)
            assert {field.name for field, _ in facts.ListFields()} == INVITATION
            assert not request.secrecy
            for visit in operation.visits:
                hidden = [*names_of(visit.object), visit.object.object.street_address, str(visit.object.object.org_number)]
                assert not [word for word in hidden if word in text]
            assert operation.plan.assembly_point not in text
            assert operation.plan.purpose not in text
            assert facts.window_start == operation.plan.start.astimezone(STOCKHOLM).date().isoformat()
            assert len(facts.window_start) == len(facts.window_end) == len("2026-12-01")


@given(operations())
def test_a_plan_goes_only_to_those_on_site_with_an_own_ground_and_never_of_an_enskild_firma(operation: Operation) -> None:
    plans = [offer for offer in changed_offers(operation) if offer.step is Step.PLAN]
    for offer in plans:
        reply = operation.participation(offer.receiver_kind).reply
        assert operation.state is State.CONFIRMED
        assert operation.own_control_ground_id
        assert reply is not None
        assert reply.answer is Answer.ACCEPTED
        assert reply.part is Part.ON_SITE
        assert reply.control_ground_id
        assert offer.receiver_kind != FK
        request = offer_request(uuid4(), operation, offer, "mos-1")
        facts = request.control_invitation.control
        visit = next(visit for visit in operation.visits if visit.id == offer.record_id)
        assert request.secrecy == ["17:1"]
        assert facts.own_legal_ground_id == OWN_GROUND
        assert {field.name for field, _ in facts.ListFields()} <= PLAN
        text = MessageToJson(request, ensure_ascii=False)
        for other in operation.visits:
            if other.object.object.street_address not in f"{visit.object} {operation.plan}":  # the same words may stand there too
                assert other.object.object.street_address not in text
        assert not visit.object.object.may_be_a_home


@given(operations())
def test_offers_once_made_are_not_made_again_and_all_go_when_the_operation_is_cancelled(operation: Operation) -> None:
    made = offered(operation)
    assert changed_offers(made) == ()
    gone = changed_offers(cancel(made, COORDINATOR))
    assert {offer.key for offer in gone} == {offer.key for offer in made.offers}
    assert all(offer.withdrawn for offer in gone)
    assert changed_offers(cancel(made, COORDINATOR).with_offers(gone)) == ()


@given(operations(), st.data())
def test_after_the_day_what_lies_undecided_is_withdrawn_and_what_was_told_stands(operation: Operation, data: st.DataObject) -> None:
    made = offered(operation)
    told = data.draw(st.sets(st.sampled_from(made.offers))) if made.offers else set()
    for offer in told:
        made = made.with_outcome(offer.key, Outcome.SENT)
    over = replace(made, state=data.draw(st.sampled_from(sorted(OVER - {State.CANCELLED}))))
    gone = changed_offers(over, made)
    assert {offer.key for offer in gone} == {offer.key for offer in made.offers} - {offer.key for offer in told}
    assert all(offer.withdrawn and offer.revision == 2 for offer in gone)
    assert changed_offers(over.with_offers(gone), over) == ()


def test_the_plan_of_each_visit_goes_to_the_three_that_come_and_not_to_forsakringskassan() -> None:
    replies = {kind: YES_ON_SITE[kind] for kind in (SKV, KFM, POLICE)} | {FK: YES_PLANNING}
    operation = offered(confirm(answered(an_operation(SKV, FK, KFM, POLICE), replies), "", COORDINATOR))
    told = [(offer.record_id, offer.receiver_kind) for offer in operation.offers if offer.step is Step.PLAN]
    assert sorted(told) == sorted((visit.id, kind) for visit in operation.visits for kind in (SKV, KFM, POLICE))
    assert why_no_plan(operation) == ""


def test_a_plan_has_exact_times_in_swedish_local_time_and_the_whole_set() -> None:
    operation = confirm(answered(an_operation(SKV), {SKV: YES_ON_SITE[SKV]}), "", COORDINATOR)
    facts = offer_request(uuid4(), operation, next(o for o in wanted(operation) if o.step is Step.PLAN), "mos-1").control_invitation.control
    assert facts.window_start == "2026-12-01T09:15+01:00"
    assert facts.object_address == "Exempelgatan 1, 582 22 Linköping"
    assert facts.object_org_number == "559999-0008"
    assert facts.object_trade_name == "City bilvård"
    assert {field.name for field, _ in facts.ListFields()} == PLAN


def test_those_who_declined_are_not_named_among_those_taking_part() -> None:
    operation = answered(an_operation(SKV, KFM), {KFM: NO})
    assert invitation_facts(operation).participating_authorities == (
        "Linköpings kommun, nämnd MOS",
        "Skatteverket (beskattning)",
    )


def test_without_an_own_ground_no_plan_goes_and_it_is_said_why() -> None:
    operation = confirm(answered(an_operation(SKV, FK, own_ground=""), {SKV: YES_ON_SITE[SKV], FK: NO}), "", COORDINATOR)
    assert not [offer for offer in wanted(operation) if offer.step is Step.PLAN]
    assert "ingen egen grund" in why_no_plan(operation)


def test_when_nobody_comes_on_site_no_plan_goes_and_it_is_said_why() -> None:
    assert "ingen inbjuden deltar på plats" in why_no_plan(confirm(answered(an_operation(FK), {FK: YES_PLANNING}), "", COORDINATOR))


def test_which_visits_are_told_to_nobody_because_no_company_is_there_is_said() -> None:
    places = (a_sole_trader(), an_object(), an_object(org_number=None, street_address="Okända gatan 1"))
    operation = answered(an_operation(SKV, KFM, places=places), {SKV: YES_ON_SITE[SKV], KFM: YES_ON_SITE[KFM]})
    assert why_no_plan(operation) == ""
    confirmed = confirm(operation, "", COORDINATOR)
    assert {offer.record_id for offer in wanted(confirmed) if offer.step is Step.PLAN} == {operation.visits[1].id}
    assert {offer.receiver_kind for offer in wanted(confirmed) if offer.step is Step.INVITATION} == {SKV, KFM}
    assert why_no_plan(confirmed) == "Planen för besök 1, 3 lämnas inte till någon: utan ett bolag på platsen kan adressen vara någons hem."


def test_a_later_no_withdraws_the_plan_and_is_remarked() -> None:
    operation = offered(confirm(answered(an_operation(SKV, KFM), {SKV: YES_ON_SITE[SKV], KFM: YES_ON_SITE[KFM]}), "", COORDINATOR))
    operation = operation.answered(SKV, NO)
    gone = changed_offers(operation)
    assert {offer.key for offer in gone} == {(visit.id, SKV) for visit in operation.visits}
    assert all(offer.withdrawn and offer.revision == 2 for offer in gone)
    assert operation.participation(SKV).remark == "Planen är återkallad eftersom svaret ändrades."
    assert operation.with_offers(gone).outcome(SKV, Step.PLAN) is Outcome.NOTHING


def test_a_yes_after_a_no_offers_the_plan_again_with_a_newer_revision() -> None:
    operation = offered(confirm(answered(an_operation(SKV), {SKV: YES_ON_SITE[SKV]}), "", COORDINATOR))
    operation = answered(operation, {SKV: NO}).answered(SKV, YES_ON_SITE[SKV])
    assert {(offer.revision, offer.withdrawn) for offer in changed_offers(operation)} == {(3, False)}


def test_an_answer_after_the_operation_is_confirmed_brings_the_plan_at_once() -> None:
    operation = offered(confirm(an_operation(SKV), "bråttom", COORDINATOR)).answered(SKV, YES_ON_SITE[SKV])
    assert {offer.step for offer in changed_offers(operation)} == {Step.PLAN}


def test_a_withdrawn_offer_has_no_content() -> None:
    operation = cancel(an_operation(SKV), COORDINATOR)
    request = offer_request(uuid4(), operation, changed_offers(operation)[0], "mos-1")
    assert request.WhichOneof("content") == "withdrawn"
    assert request.withdrawn.record_kind == "control_invitation"
