"""Questions about a person: for an open case of one's own, with a purpose; refused ones are kept and reviewed."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as pb

from services.kernel.callers import Caller, Role
from services.kernel.errors import Conflict, ConflictReason, Denied, Failure, Invalid, NotFound
from services.registry.domain.lookup import A_DAY
from tests.registry import acts
from tests.registry.builders import INVESTIGATOR, LANDLORD, MANAGER, PERSON, VOF_INVESTIGATOR, a_payment, a_payment_assessment
from tests.registry.conftest import Registry

SECURITY = replace(INVESTIGATOR, person="sakerhetschef-1", role=Role.SECURITY_OFFICER, unit="KLF")
OTHER_PERSON = "193404216958"


def flagged(registry: Registry, **more: Any) -> str:  # noqa: ANN401
    return str(registry.call("RegisterSuspectedPayment", a_payment(**more), INVESTIGATOR).payment_id)


def handled(registry: Registry, **more: Any) -> str:  # noqa: ANN401
    """A case that a colleague flagged, and the investigator has taken in."""
    made = registry.call("RegisterSuspectedPayment", a_payment(**more), replace(INVESTIGATOR, person="iaf-utredare-8"))
    payment_id = str(made.payment_id)
    registry.call("AssessSuspectedPayment", acts.assess(payment_id, "1"), INVESTIGATOR)
    return payment_id


def ask(registry: Registry, record_id: str, asking: Caller = INVESTIGATOR, **more: Any) -> list[str]:  # noqa: ANN401
    values = {"request_id": str(uuid4()), "record_kind": "suspected_payment", "purpose": "household", "id_number": PERSON}
    request = pb.LookUpPersonRequest(**values | {"record_id": record_id} | more)
    return [found.record_id for found in registry.call("LookUpPerson", request, asking).records]


def waiting(registry: Registry, **more: Any) -> list[pb.LookUpRow]:  # noqa: ANN401
    return list(registry.call("ListLookUps", pb.ListLookUpsRequest(**more), SECURITY).look_ups)


def review(registry: Registry, look_up_id: str, asking: Caller = SECURITY) -> None:
    judged = pb.LOOK_UP_JUDGEMENT_IMPROPER
    registry.call("ReviewLookUp", pb.ReviewLookUpRequest(request_id=str(uuid4()), look_up_id=look_up_id, judgement=judged), asking)


def test_for_an_open_case_of_one_s_own_the_unit_s_records_about_a_person_are_found(registry: Registry) -> None:
    first, second = handled(registry, case_number="IAF-2026-1"), flagged(registry, case_number="IAF-2026-2")
    assert ask(registry, first) == [first, second]
    assert waiting(registry) == []
    assert registry.events()[-2:] == ["registry:person:look_up/done", "registry:look_up:list/done"]


def test_another_unit_s_records_and_a_protected_person_s_look_like_none(registry: Registry) -> None:
    mine = handled(registry, recipient_id_number=OTHER_PERSON)
    elsewhere = a_payment(owner_unit="VOF", payment_scheme="personlig_assistans", case_number="VOF-2026-1")
    registry.call("RegisterSuspectedPayment", elsewhere, VOF_INVESTIGATOR)
    assert ask(registry, mine) == []
    about = flagged(registry, case_number="IAF-2026-9")
    assert ask(registry, mine) == [about]
    protected = common_pb2.ProtectionCheck(result=common_pb2.PROTECTION_PROTECTED)
    registry.call("AssessSuspectedPayment", a_payment_assessment(about, "1", other_benefits=[], protection_check=protected), INVESTIGATOR)
    assert ask(registry, mine) == []


def test_without_an_open_case_of_one_s_own_the_question_is_refused_kept_and_reviewed(registry: Registry) -> None:
    case, new = handled(registry), flagged(registry, case_number="IAF-2026-3")
    closed = flagged(registry, case_number="IAF-2026-2")
    dismissed = pb.PAYMENT_ASSESSMENT_DISMISSED
    registry.call("AssessSuspectedPayment", acts.assess(closed, "1", assessment=dismissed), INVESTIGATOR)
    colleague = replace(INVESTIGATOR, person="iaf-utredare-9")
    refused: list[tuple[str, Caller, type[Failure]]] = [
        (case, colleague, Conflict),
        (new, INVESTIGATOR, Conflict),
        (closed, INVESTIGATOR, Conflict),
        (str(uuid4()), INVESTIGATOR, NotFound),
        (case, VOF_INVESTIGATOR, NotFound),
    ]
    for record_id, asking, failure in refused:
        with pytest.raises(failure):
            ask(registry, record_id, asking)
    rows = waiting(registry)
    assert [row.outcome for row in rows] == [
        pb.LOOK_UP_OUTCOME_NOT_HANDLING,
        pb.LOOK_UP_OUTCOME_NOT_HANDLING,
        pb.LOOK_UP_OUTCOME_CLOSED,
        pb.LOOK_UP_OUTCOME_NO_CASE,
        pb.LOOK_UP_OUTCOME_NO_CASE,
    ]
    assert [(row.person, row.unit, row.record_id) for row in rows] == [(who.principal, who.unit, one) for one, who, _ in refused]
    review(registry, rows[0].look_up_id)
    assert [row.look_up_id for row in waiting(registry)] == [row.look_up_id for row in rows[1:]]
    (done,) = waiting(registry, reviewed=True)
    assert (done.judgement, done.reviewed_by) == (pb.LOOK_UP_JUDGEMENT_IMPROPER, SECURITY.principal)
    with pytest.raises(Conflict) as again:
        review(registry, rows[0].look_up_id)
    assert again.value.reason == ConflictReason.DUPLICATE
    with pytest.raises(NotFound):
        review(registry, str(uuid4()))


def test_who_asks_from_a_case_that_they_wrote_themselves_is_answered_and_looked_at(registry: Registry) -> None:
    about = flagged(registry, case_number="IAF-2026-7")
    mine = replace(INVESTIGATOR, person="iaf-utredare-9")
    made = registry.call("RegisterSuspectedPayment", a_payment(case_number="IAF-2026-8", impulse_source="public"), mine).payment_id
    for _ in range(2):
        request = pb.ListLinksRequest(record_kind="suspected_payment", record_id=made)
        assert [link.record_id for link in registry.call("ListLinks", request, mine).links] == [about]
    (row,) = waiting(registry)
    assert (row.person, row.record_id, row.purpose) == (mine.principal, made, "links")
    registry.call("AssessSuspectedPayment", acts.assess(made, "1"), mine)
    assert about in ask(registry, made, mine)
    assert len(waiting(registry)) == 2


def test_the_same_question_sent_again_is_kept_once_and_refused_again(registry: Registry) -> None:
    case, request_id = flagged(registry), str(uuid4())
    for _ in range(2):
        with pytest.raises(Conflict):
            ask(registry, case, replace(INVESTIGATOR, person="iaf-utredare-9"), request_id=request_id)
    assert len(waiting(registry)) == 1


def test_more_questions_in_a_day_than_the_work_calls_for_are_answered_and_looked_at(registry: Registry) -> None:
    case = handled(registry)
    for _ in range(A_DAY + 1):
        ask(registry, case)
    (row,) = waiting(registry)
    assert (row.too_many, row.outcome) == (True, pb.LOOK_UP_OUTCOME_ANSWERED)


def test_a_question_needs_a_purpose_and_a_number_and_those_who_may_ask(registry: Registry) -> None:
    case = flagged(registry)
    with pytest.raises(Invalid, match="purpose"):
        ask(registry, case, purpose="nyfiken")
    with pytest.raises(Invalid, match="id_number"):
        ask(registry, case, id_number="123")
    for nobody in (LANDLORD, MANAGER, SECURITY):
        with pytest.raises(Denied):
            ask(registry, case, nobody)
    with pytest.raises(Denied):
        review(registry, str(uuid4()), INVESTIGATOR)
    assert waiting(registry) == []


def test_whom_a_question_was_about_is_not_kept(registry: Registry) -> None:
    ask(registry, handled(registry))
    (kept,) = registry.rows("SELECT * FROM look_up")
    assert not any(isinstance(value, bytes | memoryview) for value in kept.values())  # not blinded either: nothing reads it
    stored = repr(registry.rows("SELECT * FROM look_up, audit, request"))
    assert PERSON not in stored
    assert PERSON[2:] not in stored
