from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from services.controls.domain.operation_life import cancel, confirm, invite
from services.controls.domain.operations import (
    VISITS_MAX,
    Answer,
    Operation,
    Outcome,
    Part,
    Reply,
    State,
    Step,
)
from services.controls.domain.parties import SUPERVISION, invitable, own_units
from services.kernel.errors import Conflict, ConflictReason, Invalid, NotFound
from tests.controls.builders import (
    COORDINATOR,
    NO,
    NOW,
    OWN_GROUNDS,
    SOLE_TRADER,
    START,
    YES_ON_SITE,
    YES_PLANNING,
    a_draft,
    an_object,
    an_operation,
    answered,
    offered,
)

SKV, FK, KFM, POLICE = "skatteverket-beskattning", "forsakringskassan", "kronofogden", "polismyndigheten"


def in_state(state: State) -> Operation:
    planned = answered(an_operation(SKV), {SKV: YES_PLANNING})
    return {State.CONFIRMED: confirm(planned, "", COORDINATOR), State.CANCELLED: cancel(planned, COORDINATOR)}[state]


@pytest.mark.parametrize("state", [State.CONFIRMED, State.CANCELLED])
def test_nothing_is_added_to_an_operation_whose_plan_is_told_or_that_is_cancelled(state: State) -> None:
    with pytest.raises(Conflict):
        in_state(state).with_visit(uuid4(), an_object())
    with pytest.raises(Conflict):
        invite(in_state(state), KFM, COORDINATOR)


def test_the_first_invitation_makes_a_draft_planned() -> None:
    draft = a_draft().with_visit(uuid4(), an_object())
    assert draft.state is State.DRAFT
    assert invite(draft, SKV, COORDINATOR).state is State.PLANNED


def test_nobody_is_invited_to_an_operation_without_a_visit() -> None:
    with pytest.raises(Conflict, match="lägg till minst ett objekt"):
        invite(a_draft(), SKV, COORDINATOR)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"start": NOW - timedelta(minutes=1)}, "planned_start: tiden har redan varit"),
        ({"end": START}, "planned_end: sluttiden"),
        ({"end": START - timedelta(hours=1)}, "planned_end: sluttiden"),
        ({"purpose": "  "}, "purpose: uppgiften saknas"),
        ({"purpose": "tillsyn\x07"}, "purpose: texten innehåller tecken"),
        ({"assembly_point": f"hos {SOLE_TRADER}"}, "assembly_point: skriv inga personnummer"),
        ({"safety_code": "ring Anna"}, "safety_code: "),
        ({"label": "Krogen på Åsgatan 34"}, "label: skriv insatsens nummer"),
        ({"own_ground": "polis"}, "own_control_ground_id: ange en av kommunens"),
        ({"own_ground": "osl-10-2"}, "own_control_ground_id: ange en av kommunens"),
        ({"unit": "KLF"}, "own_control_ground_id: förvaltningen samordnar"),
    ],
)
def test_a_draft_that_cannot_be_right_is_refused_field_first(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid, match=message) as refused:
        a_draft(**fields)
    assert SOLE_TRADER not in refused.value.message


def test_a_unit_without_supervision_may_coordinate_without_a_ground() -> None:
    assert a_draft(unit="KLF", own_ground="").own_control_ground_id == ""


def test_the_same_object_is_visited_once() -> None:
    place = an_object()
    with pytest.raises(Conflict) as refused:
        a_draft().with_visit(uuid4(), place).with_visit(uuid4(), place)
    assert refused.value.reason == ConflictReason.DUPLICATE


def test_an_operation_has_room_for_twenty_visits() -> None:
    operation = a_draft()
    for _ in range(VISITS_MAX):
        operation = operation.with_visit(uuid4(), an_object())
    with pytest.raises(Invalid, match="högst 20"):
        operation.with_visit(uuid4(), an_object())


def test_those_on_the_list_of_the_ground_may_be_invited_and_nobody_else() -> None:
    assert invitable() == {
        SKV, FK, KFM, POLICE, "arbetsmiljoverket", "arbetsformedlingen", "migrationsverket", "raddningstjanst", "kommun-tillsynsnamnd",
        "MOS", "SF",
    }  # fmt: skip
    for stranger in ("skatteverket-folkbokforing", "csn", "arbetsloshetskassa", "sakerhetspolisen", "ingen"):
        with pytest.raises(Invalid, match="receiver_kind"):
            an_operation(stranger)


def test_an_authority_is_invited_once() -> None:
    with pytest.raises(Conflict) as refused:
        an_operation(SKV, SKV)
    assert refused.value.reason == ConflictReason.DUPLICATE


@pytest.mark.parametrize("kind", sorted(OWN_GROUNDS))
def test_an_authority_comes_on_site_on_its_own_ground(kind: str) -> None:
    operation = answered(an_operation(kind), {kind: YES_ON_SITE[kind]})
    assert operation.participation(kind).reply == YES_ON_SITE[kind]


@pytest.mark.parametrize("kind", sorted(invitable()))
@pytest.mark.parametrize("ground", ["", "osl-10-2", "skv-folkbokforing-kontrollbesok", "lso-tillsyn ", "livsmedelskontroll"])
def test_nobody_comes_on_site_without_a_ground_or_on_somebody_elses(kind: str, ground: str) -> None:
    if ground == "livsmedelskontroll" and kind in {SUPERVISION, *own_units()}:
        return
    with pytest.raises(Invalid, match=r"control_ground_id: .* kan inte delta på plats utan egen rättslig grund\. Be "):
        an_operation(kind).answered(kind, Reply(Answer.ACCEPTED, Part.ON_SITE, ground))


@pytest.mark.parametrize("ground", [*OWN_GROUNDS.values(), "pbl-tillsyn", "skv-revision"])
def test_forsakringskassan_has_no_ground_to_come_on_site(ground: str) -> None:
    with pytest.raises(Invalid, match="Försäkringskassan kan inte delta på plats"):
        an_operation(FK).answered(FK, Reply(Answer.ACCEPTED, Part.ON_SITE, ground))


def test_polisen_may_name_the_statute_under_which_its_help_was_asked() -> None:
    reply = Reply(Answer.ACCEPTED, Part.ON_SITE, "pbl-tillsyn")
    assert an_operation(POLICE).answered(POLICE, reply).participation(POLICE).reply == reply


@pytest.mark.parametrize("part", [Part.PLANNING_ONLY, Part.FOLLOW_UP_ONLY])
def test_planning_and_follow_up_take_no_ground(part: Part) -> None:
    reply = an_operation(FK).answered(FK, Reply(Answer.ACCEPTED, part, "polis")).participation(FK).reply
    assert reply == Reply(Answer.ACCEPTED, part)


def test_a_yes_says_in_what_part() -> None:
    with pytest.raises(Invalid, match="role: "):
        an_operation(SKV).answered(SKV, Reply(Answer.ACCEPTED))


def test_an_authority_that_was_not_invited_cannot_answer() -> None:
    with pytest.raises(NotFound):
        an_operation(SKV).answered(KFM, NO)


def test_an_operation_waits_for_all_answers_or_a_reason() -> None:
    waiting = answered(an_operation(SKV, KFM), {SKV: NO})
    for nothing in ("", "  "):
        with pytest.raises(Conflict, match="override_reason: alla inbjudna har inte svarat"):
            confirm(waiting, nothing, COORDINATOR)
    assert confirm(waiting, "Kronofogden hör av sig på dagen", COORDINATOR).plan.override_reason == "Kronofogden hör av sig på dagen"
    assert confirm(answered(waiting, {KFM: NO}), "", COORDINATOR).state is State.CONFIRMED


def test_an_answer_that_cannot_be_taken_counts_as_none_and_is_remarked() -> None:
    operation = answered(an_operation(SKV), {SKV: YES_ON_SITE[SKV]}).not_taken(SKV, "skäl")
    assert operation.participation(SKV).reply is None
    assert operation.participation(SKV).remark == "skäl"
    with pytest.raises(Conflict):
        confirm(operation, "", COORDINATOR)


def test_every_change_has_an_etag_of_its_own_and_an_older_one_is_refused() -> None:
    before = an_operation(SKV)
    after = before.answered(SKV, NO)
    assert after.etag != before.etag
    with pytest.raises(Conflict) as refused:
        after.require_etag(before.etag)
    assert refused.value.reason == ConflictReason.ETAG


def test_a_receipt_never_goes_back_and_is_no_new_revision() -> None:
    operation = an_operation(SKV)
    key = (operation.id, SKV)
    received = operation.with_outcome(key, Outcome.RECEIVED)
    assert received.outcome(SKV, Step.INVITATION) is Outcome.RECEIVED
    assert received.with_outcome(key, Outcome.SENT).outcome(SKV, Step.INVITATION) is Outcome.RECEIVED
    assert received.revision == operation.revision


def test_a_plan_has_come_as_far_as_the_visit_that_has_come_the_shortest() -> None:
    operation = offered(confirm(answered(an_operation(SKV), {SKV: YES_ON_SITE[SKV]}), "", COORDINATOR))
    for visit in operation.visits[:2]:
        operation = operation.with_outcome((visit.id, SKV), Outcome.RECEIVED)
    assert operation.outcome(SKV, Step.PLAN) is Outcome.NOTHING
    operation = operation.with_outcome((operation.visits[2].id, SKV), Outcome.SENT)
    assert operation.outcome(SKV, Step.PLAN) is Outcome.SENT
    for told in (Outcome.REFUSED, Outcome.VOID, Outcome.CORRECTION_DUE, Outcome.RECALL_DUE):
        assert operation.with_outcome((operation.visits[0].id, SKV), told).outcome(SKV, Step.PLAN) is told
