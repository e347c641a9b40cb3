import json
from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace

import pytest

from services.kernel.errors import Conflict
from services.kernel.protection import Protection
from services.sharing.decisions import Decisions, hash_of
from services.sharing.domain import CodedFact, require_unprotected
from tests.sharing.builders import DISCLOSURE, NOW, PERSON, TODAY, a_payment, an_offer, decisions


def stored(engine: Decisions, payload: bytes, ground: str, receiver: str) -> SimpleNamespace:
    return SimpleNamespace(
        ground_id=ground, ground_digest=engine.law.grounds[ground].digest, key_id=engine.key_id(receiver), payload_hash=hash_of(payload)
    )


def test_an_alert_carries_envelope_subject_and_alert_and_nothing_else() -> None:
    draft = decisions().draft(an_offer(), DISCLOSURE, TODAY)
    content = json.loads(draft.payload)
    assert content["aud"] == "skatteverket-folkbokforing"
    assert content["legal"]["basis_id"] == "fol-32c-2021"
    assert {name.split(".")[0] for name in content["fields"]} == {"sender", "legal", "subject", "dwelling", "alert"}
    assert set(content["fields"]) == set(draft.fields)


def test_a_field_that_no_ground_names_is_left_out_and_the_officer_is_told_why() -> None:
    extra = dict(an_offer().fields) | {"informant.identity": "559999-0180", "rent.arrears": "12000"}
    draft = decisions().draft(an_offer(fields=extra), DISCLOSURE, TODAY)
    assert b"559999" not in draft.payload
    assert b"12000" not in draft.payload
    assert {item.field for item in draft.left_out} == {"informant.identity", "rent.arrears"}
    assert all(item.text for item in draft.left_out)


def test_the_unit_that_decides_social_assistance_is_named_by_a_neutral_function() -> None:
    text = decisions().draft(a_payment(), DISCLOSURE, TODAY).payload.decode()
    assert "ekonomiskt" not in text
    assert "bistånd" not in text
    assert "26:1" not in text


def test_a_payment_goes_only_to_the_body_that_decided_it() -> None:
    other = dict(a_payment().fields) | {"payment.deciding_body": "csn"}
    with pytest.raises(Conflict, match="ingen skyldighet"):
        decisions().draft(a_payment(fields=other), DISCLOSURE, TODAY)


def test_social_services_data_never_goes_to_kronofogden() -> None:
    with pytest.raises(Conflict):
        decisions().draft(a_payment(receiver_kind="kronofogden"), DISCLOSURE, TODAY)


def test_a_unit_that_does_not_hold_the_record_kind_sends_nothing() -> None:
    assert not decisions().weigh(an_offer(unit="VSS"), TODAY).allowed


def test_the_day_before_the_ground_there_is_none() -> None:
    engine = decisions()
    assert not engine.weigh(an_offer(), date(2021, 6, 17)).allowed
    assert engine.weigh(an_offer(), date(2021, 6, 18)).allowed


def test_the_same_offer_gives_the_same_bytes() -> None:
    engine = decisions()
    draft = engine.draft(an_offer(), DISCLOSURE, TODAY)
    again = engine.require_unchanged(
        an_offer(), draft.payload, stored(engine, draft.payload, draft.ground.id, "skatteverket-folkbokforing"), DISCLOSURE, TODAY
    )
    assert again.payload == draft.payload


def test_a_changed_field_voids_the_preview() -> None:
    engine = decisions()
    draft = engine.draft(an_offer(), DISCLOSURE, TODAY)
    changed = an_offer(fields=dict(an_offer().fields) | {"dwelling.apartment_number": "1202"})
    row = stored(engine, draft.payload, draft.ground.id, "skatteverket-folkbokforing")
    with pytest.raises(Conflict, match="ändrats"):
        engine.require_unchanged(changed, draft.payload, row, DISCLOSURE, TODAY)


@pytest.mark.parametrize("what", ["ground_digest", "ground_id", "key_id"])
def test_another_ground_or_another_key_voids_the_preview(what: str) -> None:
    engine = decisions()
    draft = engine.draft(an_offer(), DISCLOSURE, TODAY)
    row = stored(engine, draft.payload, draft.ground.id, "skatteverket-folkbokforing")
    setattr(row, what, "another")
    with pytest.raises(Conflict, match="ändrats"):
        engine.require_unchanged(an_offer(), draft.payload, row, DISCLOSURE, TODAY)


@pytest.mark.parametrize(
    "offer",
    [an_offer(protection=Protection.PROTECTED), an_offer(protection=Protection.UNKNOWN), an_offer(checked_time=NOW - timedelta(hours=25))],
)
def test_a_protected_or_unchecked_person_stops_it(offer: object) -> None:
    with pytest.raises(Conflict, match="protection_check"):
        require_unprotected(offer, NOW)  # type: ignore[arg-type]  # one of the offers above


def test_a_point_asks_the_same_wherever_it_is_demanded() -> None:
    asked: dict[str, set[str]] = {}
    for writing in decisions().law.writings.values():
        for point in writing.points:
            asked.setdefault(point.code, set()).add(point.text)
    assert [code for code, texts in asked.items() if len(texts) > 1] == []


def test_every_point_the_ground_demands_must_be_written() -> None:
    engine = decisions()
    answer = engine.weigh(an_offer(), TODAY)
    missing = engine.missing_points(answer, {})
    assert missing
    assert engine.missing_points(answer, dict.fromkeys(missing, "Skrivet.")) == []
    assert engine.missing_points(answer, dict.fromkeys(missing, "   ")) == missing


def test_a_police_report_is_a_reference_without_a_person_and_a_task() -> None:
    engine = decisions()
    offer = an_offer(record_kind="police_report", receiver_kind="polismyndigheten", unit="IAF", secrecy=frozenset({"26:1"}), fields={})
    draft = engine.draft(offer, DISCLOSURE, TODAY)
    assert {name.split(".")[0] for name in draft.fields} == {"sender", "legal"}
    assert "Polisens vanliga väg" in engine.task(draft, offer)


def test_even_an_offer_that_holds_a_person_sends_none_in_a_police_report() -> None:
    offer = an_offer(
        record_kind="police_report", receiver_kind="polismyndigheten", unit="IAF", secrecy=frozenset({"26:1"}), fields=a_payment().fields
    )
    assert PERSON.encode() not in decisions().draft(offer, DISCLOSURE, TODAY).payload


def test_a_body_without_a_channel_becomes_a_task() -> None:
    engine = decisions()
    fields = dict(a_payment().fields) | {"payment.deciding_body": "csn", "payment.benefit_type": "studiemedel"}
    offer = a_payment(receiver_kind="csn", fields=fields)
    draft = engine.draft(offer, DISCLOSURE, TODAY)
    assert engine.agency(draft, "csn") is None
    assert "går inte att skicka härifrån" in engine.task(draft, offer)


def test_the_plan_carries_no_person_even_if_one_is_offered() -> None:
    fields = {
        "control.reference": "LOS-2026-1",
        "control.window_start": "2026-12-14T18:00+01:00",
        "control.window_end": "2026-12-14T23:00+01:00",
        "control.object_address": "Exempelgatan 1",
        "control.own_legal_ground_id": "pbl-tillsyn",
        "subject.full_name": "Alma Demo",
    }
    offer = an_offer(record_kind="control_invitation", receiver_kind="kronofogden", unit="MOS", secrecy=frozenset({"17:1"}), fields=fields)
    draft = decisions().draft(offer, DISCLOSURE, TODAY)
    assert draft.ground.id == "osl-10-2"
    assert b"Alma" not in draft.payload


def test_the_plan_never_goes_to_forsakringskassan() -> None:
    fields = {"control.reference": "LOS-2026-1", "control.object_address": "Exempelgatan 1"}
    offer = an_offer(
        record_kind="control_invitation", receiver_kind="forsakringskassan", unit="MOS", secrecy=frozenset({"17:1"}), fields=fields
    )
    with pytest.raises(Conflict):
        decisions().draft(offer, DISCLOSURE, TODAY)


def test_open_facts_only_go_in_an_invitation() -> None:
    fields = {"control.reference": "LOS-2026-1", "control.window_start": "2026-12-14", "control.object_address": "Exempelgatan 1"}
    offer = an_offer(record_kind="control_invitation", receiver_kind="polismyndigheten", unit="MOS", fields=fields)
    draft = decisions().draft(offer, DISCLOSURE, TODAY)
    assert draft.ground.id == "los-inbjudan-oppna-uppgifter"
    assert b"Exempelgatan" not in draft.payload


def test_the_circumstances_that_go_say_nothing_of_the_kommuns_own_payment() -> None:
    fact = CodedFact("cohabitation", date(2026, 2, 1), date(2026, 8, 31))
    fields = dict(a_payment().fields) | {"payment.circumstances": [fact], "payment.own_kommun_amounts_not_needed": "38000"}
    payload = decisions().draft(a_payment(fields=fields), DISCLOSURE, TODAY).payload
    assert b"38000" not in payload
    assert b"2026-02-01" in payload


def test_the_strictest_class_of_the_fields_that_go_decides() -> None:
    engine = decisions()
    finding = an_offer(
        record_kind="control_finding",
        receiver_kind="forsakringskassan",
        unit="MOS",
        secrecy=frozenset({"30:27"}),
        fields={"finding.facts": [CodedFact("fire", TODAY, None)], "finding.object_address": "Exempelgatan 1"},
    )
    assert engine.weigh(finding, TODAY).allowed
    assert not engine.weigh(replace(finding, field_secrecy={"finding.facts": "17:1"}), TODAY).allowed
    kept_back = replace(finding, field_secrecy={"finding.object_address": "17:1"})  # a field that this flow does not carry
    assert engine.weigh(kept_back, TODAY).allowed
    assert "finding.object_address" not in engine.draft(kept_back, DISCLOSURE, TODAY).fields
    absent = replace(finding, field_secrecy={"finding.observed_at": "17:1"})  # a field that this record does not have
    assert engine.weigh(absent, TODAY).allowed


def test_an_envelope_about_a_person_and_nothing_else_is_never_sent() -> None:
    bare = {name: value for name, value in an_offer().fields.items() if name.startswith("subject.")}
    with pytest.raises(Conflict, match=r"^content: "):
        decisions().draft(an_offer(fields=bare), DISCLOSURE, TODAY)
    answer = a_payment(fields=bare | {"request.external_reference": "FK 2026-55"}, on_request=True)
    with pytest.raises(Conflict, match=r"^content: "):
        decisions().draft(answer, DISCLOSURE, TODAY)
