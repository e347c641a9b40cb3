"""Candidates: the points that anybody can check, their order, their pages, and nothing about a person."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2 as pb

from services.controls.domain.objects import Permit
from services.kernel.errors import Invalid
from services.kernel.identity import OrgNumber
from tests.controls.acts import register
from tests.controls.builders import SOLE_TRADER
from tests.controls.conftest import PERSON, Controls
from tests.controls.tip_acts import ELSEWHERE, assess
from tests.controls.tip_acts import register as tip


def candidates(controls: Controls, who: Any = PERSON, size: int = 50, token: str = "", **asked: Any) -> pb.ListCandidatesResponse:  # noqa: ANN401
    page = common_pb2.Page(page_size=size, page_token=token)
    answer: pb.ListCandidatesResponse = controls.call("ListCandidates", pb.ListCandidatesRequest(page=page, **asked), who)
    return answer


def test_points_come_with_their_reasons_and_the_most_come_first(controls: Controls) -> None:
    new = register(controls, 1, object_type="butik", last_control_date=date(2026, 10, 1))
    old = register(controls, 2, object_type="butik", last_control_date=date(2023, 1, 1))
    permitted = replace(Permit("serveringstillstånd"), valid_to=date(2026, 1, 31))
    never = register(controls, 3, object_type="restaurang", serving_permit=True, permits=(permitted,))
    for source in ("police", "public"):
        tip_id = tip(controls, source_type=source, place=None, object_id=old).tip_id
        assess(controls, tip_id, "1")
    tip(controls, place=None, object_id=new)  # nobody has assessed it, so it says nothing yet
    rows = candidates(controls, district="Tornby").candidates
    assert [(row.object_id, row.points) for row in rows] == [(old, 10), (never, 8), (new, 0)]
    assert {reason.word: reason.points for reason in rows[0].reasons} == {
        "mer än tre år sedan senaste kontroll": 2,
        "tips från myndighet eller egen inspektör": 4,
        "tips från annan källa": 2,
        "flera tips": 2,
    }
    assert [(kind.suspicion_type, kind.count) for kind in rows[0].tip_kinds] == [("illegal_lodging", 2)]
    assert {reason.word for reason in rows[1].reasons} == {
        "har inte kontrollerats, såvitt känt",
        "riskbransch",
        "serveringstillstånd",
        "tillstånd har gått ut",
    }
    assert [row.object_id for row in candidates(controls, only_with_tips=True).candidates] == [old]
    elsewhere = candidates(controls, ELSEWHERE, district="Tornby").candidates
    assert [(row.object_id, row.points, row.tips) for row in elsewhere] == [(never, 8, 0), (old, 2, 0), (new, 0, 0)]


def test_an_enskild_firma_gets_no_points_from_its_owner_and_is_marked_as_a_possible_home(controls: Controls) -> None:
    permit = Permit("serveringstillstånd", valid_to=date(2026, 1, 31))
    known = {"last_control_date": date(2026, 10, 1), "object_type": "butik", "serving_permit": True, "permits": (permit,)}
    register(controls, 1, org_number=OrgNumber.parse(SOLE_TRADER), **known)
    register(controls, 2, **known)
    company, owner = candidates(controls, object_type="Affär").candidates
    assert (company.points, company.may_be_a_home) == (3, False)
    assert (owner.points, owner.may_be_a_home, list(owner.reasons)) == (0, True, [])


def test_pages_follow_each_other_without_a_gap_or_a_repeat_also_over_midnight(controls: Controls) -> None:
    for number in range(7):
        register(controls, number, object_type="butik" if number % 2 else "restaurang")
    whole = [row.object_id for row in candidates(controls, district="Tornby").candidates]
    seen, token = [], ""
    for _ in range(4):
        answer = candidates(controls, size=2, token=token, district="Tornby")
        seen += [row.object_id for row in answer.candidates]
        token = answer.next_page_token
    assert (seen, token) == (whole, "")
    assert len(set(whole)) == 7


def test_a_list_is_asked_for_something_and_in_words_that_exist(controls: Controls) -> None:
    with pytest.raises(Invalid, match=r"^district: "):
        candidates(controls)
    with pytest.raises(Invalid, match=r"^object_type: "):
        candidates(controls, object_type="rymdbas")
    with pytest.raises(Invalid, match=r"^page\.page_token: "):
        candidates(controls, district="Tornby", token="nästa")
