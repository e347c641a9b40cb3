"""Tips through the whole service: two sources of one object, what is refused, who may read, what lies in the database."""

from datetime import timedelta
from typing import Any

import pytest
from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2, tips_pb2

from services.kernel.callers import Caller, Role
from services.kernel.clock import timestamp
from services.kernel.errors import Conflict, ConflictReason, Denied, Invalid, NotFound
from tests.controls import tip_acts
from tests.controls.acts import Operation, a_file
from tests.controls.builders import SOLE_TRADER
from tests.controls.conftest import Controls
from tests.controls.tip_acts import (
    ELSEWHERE,
    INSPECTOR,
    RECEIVED,
    SECURITY,
    a_company,
    a_place,
    a_tip,
    an_id,
    assess,
    decide,
    read,
    register,
)

BOTH = "Garagegatan 3"


def get_object(controls: Controls, object_id: str) -> controls_pb2.GetObjectResponse:
    found: controls_pb2.GetObjectResponse = controls.call("GetObject", controls_pb2.GetObjectRequest(object_id=object_id))
    return found


def objects(controls: Controls) -> list[controls_pb2.ObjectRow]:
    return list(controls.call("ListObjects", controls_pb2.ListObjectsRequest()).objects)


def test_two_tips_on_one_address_are_two_sources_of_one_object(controls: Controls) -> None:
    first = register(controls, source_type="own_inspector", place=a_place(street_address=BOTH))
    second = register(controls, SECURITY, source_type="landlord", place=a_place(street_address="garagegatan  3", city="LINKÖPING"))
    assert first.object_id == second.object_id
    assert len(objects(controls)) == 1
    assert [tip.source_type for tip in get_object(controls, first.object_id).tips] == ["own_inspector", "landlord"]


def test_a_business_is_found_by_its_number_alone_and_asked_for_an_address_when_it_is_not(controls: Controls) -> None:
    only_number = tips_pb2.TipPlace(org_number="559999-0008")
    with pytest.raises(Invalid, match="street_address: verksamheten är inte känd"):
        register(controls, place=only_number)
    first = register(controls, place=a_company())
    assert register(controls, place=only_number).object_id == first.object_id
    register(controls, place=a_company(street_address="Andra gatan 9"))
    with pytest.raises(Invalid, match="street_address: verksamheten finns på flera adresser"):
        register(controls, place=only_number)


def test_premises_known_by_address_alone_are_the_business_that_is_named_there_later(controls: Controls) -> None:
    unnamed = register(controls)
    assert get_object(controls, unnamed.object_id).may_be_a_home
    named = register(controls, place=a_company())
    assert named.object_id == unnamed.object_id
    found = get_object(controls, named.object_id)
    assert (found.object.company_name, found.etag, len(found.tips), found.may_be_a_home) == ("Demo Bilvård AB", "2", 2, False)
    assert register(controls).object_id == named.object_id
    history = controls.rows("SELECT revision FROM history WHERE record_kind = 'control_object' ORDER BY revision")
    assert [row["revision"] for row in history] == [1, 2]


def test_the_coordinators_own_form_names_the_business_in_the_same_way(controls: Controls) -> None:
    unnamed = register(controls)
    texts = a_company()
    place = controls_pb2.ControlObject(**{field.name: value for field, value in texts.ListFields()})
    request = controls_pb2.RegisterObjectRequest(request_id=an_id(), object=place)
    assert controls.call("RegisterObject", request).object_id == unnamed.object_id
    with pytest.raises(Conflict, match="finns redan"):
        controls.call("RegisterObject", controls_pb2.RegisterObjectRequest(request_id=an_id(), object=place))


def test_at_a_shared_address_a_tip_that_names_nobody_is_about_the_address(controls: Controls) -> None:
    one = register(controls, place=a_company())
    other = register(controls, place=a_company(org_number="559999-0016", company_name="Demo Tvätt AB"))
    unnamed = register(controls)
    assert len({one.object_id, other.object_id, unnamed.object_id}) == 3
    assert register(controls).object_id == unnamed.object_id
    assert register(controls, place=a_company()).object_id == one.object_id
    third = register(controls, place=a_company(org_number="559999-0024", company_name="Demo Däck AB"))
    assert third.object_id != unnamed.object_id


def test_a_list_never_names_the_business_of_an_address_that_a_tip_is_about(controls: Controls) -> None:
    unnamed = register(controls, place=a_place(street_address="Exempelgatan 1"))
    (answer,) = controls.stream(a_file({"Adress": "Exempelgatan 1"}))
    assert answer.row.result == common_pb2.ROW_RESULT_ACCEPTED
    assert get_object(controls, unnamed.object_id).object.company_name == ""


def test_an_enskild_firma_is_sealed_and_never_looked_for_by_its_owners_number(controls: Controls) -> None:
    with pytest.raises(Invalid, match="street_address: ange adressen"):
        register(controls, place=tips_pb2.TipPlace(org_number=SOLE_TRADER))
    first = register(controls, place=a_company(org_number=SOLE_TRADER, company_name="Ägaren Persson"))
    assert register(controls, place=a_company(org_number=SOLE_TRADER)).object_id == first.object_id
    kept = str(controls.rows("SELECT * FROM control_object"))
    assert SOLE_TRADER not in kept
    assert "Persson" not in kept
    assert get_object(controls, first.object_id).object.company_name == "Ägaren Persson"


REFUSED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("source_type", {"source_type": "grannen"}),
    ("suspicion_types", {"suspicion_types": ["illegal_lodging", "dryghet"]}),
    ("received_time", {"received_time": timestamp(RECEIVED + timedelta(days=30))}),
    ("received_time", {"received_time": timestamp(RECEIVED - timedelta(days=370))}),
    ("summary", {"summary": f"Ägaren {SOLE_TRADER} sover där"}),
    ("summary", {"summary": "Ring 070-123 45 67 så berättar jag"}),
    ("summary", {"summary": "Skriv till tipsare@exempel.se"}),
    ("about", {"place": None}),
    ("street_address", {"place": tips_pb2.TipPlace(object_type="garage")}),
    ("postal_code", {"place": tips_pb2.TipPlace(street_address="Gatan 1")}),
    ("district", {"place": a_place(district="")}),
    ("company_name", {"place": a_company(company_name="")}),
)


def test_a_tip_that_cannot_be_taken_is_refused_with_its_field_and_leaves_nothing(controls: Controls) -> None:
    for field, fields in REFUSED:
        with pytest.raises(Invalid, match=f"^{field}: ") as refused:
            register(controls, **fields)
        assert SOLE_TRADER not in refused.value.message
    assert controls.rows("SELECT id FROM tip UNION ALL SELECT id FROM control_object") == []


def test_a_summary_may_hold_numbers_that_name_nobody(controls: Controls) -> None:
    text = "Lokal 12-14, 559999-0008, dnr 2026-0412345, cirka 0812 kr, 30 madrasser"
    assert read(controls, register(controls, summary=text).tip_id).summary == text


def test_a_tip_is_its_units_and_read_by_its_coordinators_alone(controls: Controls) -> None:
    tip = register(controls)
    request = tips_pb2.GetTipRequest(tip_id=tip.tip_id)
    for who in (INSPECTOR, SECURITY):
        with pytest.raises(Denied):
            controls.call("GetTip", request, who)
    with pytest.raises(NotFound) as not_yours:
        controls.call("GetTip", request, ELSEWHERE)
    with pytest.raises(NotFound) as absent:
        controls.call("GetTip", tips_pb2.GetTipRequest(tip_id=an_id()), ELSEWHERE)
    assert str(not_yours.value) == str(absent.value)
    assert not controls.call("ListTips", tips_pb2.ListTipsRequest(), ELSEWHERE).tips
    assert not controls.call("GetObject", controls_pb2.GetObjectRequest(object_id=tip.object_id), ELSEWHERE).tips
    with pytest.raises(Denied):
        register(controls, Caller("cli", "iaf-1", Role.CASE_OFFICER, "IAF"))


def test_what_was_told_and_made_of_it_is_sealed_and_named_in_no_audit_row(controls: Controls) -> None:
    tip = register(controls, summary="Madrasser i lokalen")
    decide(controls, tip.tip_id, assess(controls, tip.tip_id, "1").etag)
    kept = str([controls.rows(f"SELECT * FROM {table}") for table in ("tip", "audit", "history", "request")])  # noqa: S608
    for secret in ("Madrasser", "illegal_lodging", "probable", "serious_harm", tip_acts.GROUND):
        assert secret not in kept
    found = read(controls, tip.tip_id)
    assert (found.reliability, found.relevance, list(found.authorities)) == ("probable", "high", ["kommun-tillsynsnamnd"])
    assert (found.reason, found.registering_unit, found.purge_date) == ("serious_harm", "MOS", "2027-11-20")


def test_words_are_understood_as_users_write_them_and_kept_as_codes(controls: Controls) -> None:
    tip = register(controls, source_type="Hyresvärd", suspicion_types=["Olovligt boende i lokal", "brandfara", "fire_risk"])
    assess(controls, tip.tip_id, "1", reliability="Trolig", relevance="stor")
    found = read(controls, tip.tip_id)
    assert (found.source_type, list(found.suspicion_types)) == ("landlord", ["illegal_lodging", "fire_risk"])
    assert (found.reliability, found.relevance) == ("probable", "high")


def test_a_tip_without_a_ground_is_not_prioritised_but_may_be_rejected(controls: Controls) -> None:
    tip = register(controls)
    etag = assess(controls, tip.tip_id, "1", control_ground_ids=[]).etag
    with pytest.raises(Invalid, match="control_ground_ids"):
        decide(controls, tip.tip_id, etag)
    rejected = decide(controls, tip.tip_id, etag, decision=tips_pb2.TIP_DECISION_REJECT, reason="no_ground")
    assert rejected.state == tips_pb2.TIP_STATE_REJECTED


def test_a_forwarded_tip_says_to_whom_and_why_and_nothing_goes_out(controls: Controls) -> None:
    tip = register(controls)
    answer = tip_acts.forward(controls, tip.tip_id, assess(controls, tip.tip_id, "1").etag)
    assert answer.state == tips_pb2.TIP_STATE_FORWARDED
    sent = read(controls, tip.tip_id).forwarded
    assert (sent.receiver_kind, sent.ground) == ("polismyndigheten", "10 kap. 24 § OSL")
    assert controls.rows("SELECT * FROM outbox") == []


def test_a_visit_takes_up_the_prioritised_tips_of_its_object_and_a_cancelled_one_gives_them_back(controls: Controls) -> None:
    waiting, new = tip_acts.prioritised(controls), register(controls)
    operation = Operation(controls, objects=0)
    operation.change("AddVisit", controls_pb2.AddVisitRequest(object_id=waiting.object_id))
    planned = read(controls, waiting.tip_id)
    assert (planned.state, planned.operation_id) == (tips_pb2.TIP_STATE_PLANNED_IN, operation.id)
    assert read(controls, new.tip_id).state == tips_pb2.TIP_STATE_RECEIVED
    assert operation.id not in str(controls.rows("SELECT * FROM tip"))
    operation.change("CancelOperation", controls_pb2.CancelOperationRequest())
    released = read(controls, waiting.tip_id)
    assert (released.state, released.operation_id) == (tips_pb2.TIP_STATE_PRIORITISED, "")


def test_tips_are_listed_by_state_in_stable_pages(controls: Controls) -> None:
    made = [register(controls).tip_id for _ in range(5)]
    assess(controls, made[0], "1")
    seen, token = [], ""
    while True:
        page = common_pb2.Page(page_size=2, page_token=token)
        answer = controls.call("ListTips", tips_pb2.ListTipsRequest(page=page, state=tips_pb2.TIP_STATE_RECEIVED))
        seen += [tip.tip_id for tip in answer.tips]
        token = answer.next_page_token
        if not token:
            break
    assert seen == made[1:]


def test_the_same_request_again_makes_one_tip(controls: Controls) -> None:
    request = a_tip()
    assert controls.call("RegisterTip", request, INSPECTOR) == controls.call("RegisterTip", request, INSPECTOR)
    assert len(controls.rows("SELECT id FROM tip")) == 1


def test_an_object_is_changed_whole_under_its_etag(controls: Controls) -> None:
    object_id = register(controls, place=a_company()).object_id
    before = get_object(controls, object_id)
    place = before.object
    place.property_designation, place.property_owner_org = "Linköping Exempel 1:1", "559999-0016"
    place.permits.add(type="serveringstillstånd", number="A-17", valid_to="2027-06-30")

    def update(etag: str) -> Any:  # noqa: ANN401
        request = controls_pb2.UpdateObjectRequest(request_id=an_id(), object_id=object_id, etag=etag, object=place)
        return controls.call("UpdateObject", request)

    assert update(before.etag).etag == "2"
    after = get_object(controls, object_id).object
    assert (after.property_designation, after.sni_version, list(after.permits)) == ("LINKÖPING EXEMPEL 1:1", "2025", list(place.permits))
    with pytest.raises(Conflict) as stale:
        update(before.etag)
    assert stale.value.reason == ConflictReason.ETAG
    (row,) = controls.rows("SELECT details FROM audit WHERE event = 'controls:object:update' AND outcome = 'done'")
    assert row["details"] == {"fields": ["property_designation", "property_owner_org", "permits"]}


def test_a_field_of_an_object_that_cannot_be_read_is_refused(controls: Controls) -> None:
    object_id = register(controls, place=a_company()).object_id
    wrong = {"property_designation": "Huset på hörnet", "property_owner_org": SOLE_TRADER, "sni_version": "2099"}
    for field, value in wrong.items():
        place = get_object(controls, object_id).object
        setattr(place, field, value)
        request = controls_pb2.UpdateObjectRequest(request_id=an_id(), object_id=object_id, etag="1", object=place)
        with pytest.raises(Invalid, match=f"^{field}: ") as refused:
            controls.call("UpdateObject", request)
        assert value not in refused.value.message


def test_an_owners_permits_are_sealed(controls: Controls) -> None:
    object_id = register(controls, place=a_company(org_number=SOLE_TRADER)).object_id
    place = get_object(controls, object_id).object
    place.permits.add(type="tobakstillstånd", number="T-9")
    controls.call("UpdateObject", controls_pb2.UpdateObjectRequest(request_id=an_id(), object_id=object_id, etag="1", object=place))
    assert "tobakstillstånd" not in str(controls.rows("SELECT * FROM control_object"))
    assert get_object(controls, object_id).object.permits[0].number == "T-9"
