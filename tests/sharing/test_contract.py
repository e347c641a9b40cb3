"""What has no type in the contract does not leave, and what leaves is what the partner hands out."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

import services
from partner.contract import conforming, example
from partner.envelope import open_record
from partner.jose import Code, Refused
from services.kernel.errors import Invalid
from services.kernel.reference import reference
from services.sharing.contract import Contract, Variant
from services.sharing.contract.fields import TEXT, TYPES
from services.sharing.domain import case_number, envelope
from services.sharing.legal import law
from services.sharing.sealing import RECALLED_PURPOSE
from services.sharing.wire import paths
from tests.contracts.test_fields import CONTENT, ENVELOPE
from tests.partner.builders import AGENCY_OF, NOW, a_content, a_record, a_world, an_event

WORLD = a_world()
OURS = Contract(law())
ALERT = ("folkbokforing_alert", "skatteverket-folkbokforing")
PAYMENT = ("suspected_payment", "forsakringskassan")
_TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60)
_MESSAGES = {
    (key, variant): {
        name: st.lists(_TEXTS, min_size=1, max_size=4) if isinstance(field.example, list) else _TEXTS
        for name, field in variant.fields.items()
        if field.type is TEXT or isinstance(field.example, list)
    }
    for key, variants in OURS.variants.items()
    for variant in variants
}
"""Every message on each of its grounds, with the fields that are free to say anything."""


@given(st.data(), st.sampled_from(list(_MESSAGES)))
def test_what_was_sealed_is_what_the_partner_opens(data: st.DataObject, message: tuple[tuple[str, str], Variant]) -> None:
    (record_kind, receiver_kind), variant = message
    event = an_event(record_kind=record_kind, receiver_kind=receiver_kind)
    content = example(record_kind, receiver_kind, "shared", str(event.disclosure_id), variant.name)
    fields = content["fields"] | data.draw(st.fixed_dictionaries({}, optional=_MESSAGES[message])) | {"legal.basis_id": variant.name}

    sent = a_content(event, fields, basis_id=variant.name)
    opened = open_record(a_record(event, sent), WORLD.kits[AGENCY_OF[receiver_kind]], NOW)

    assert opened.fields == fields
    assert opened.receiver_kind == receiver_kind
    assert opened.event.id == str(event.id)
    assert opened.event.disclosure_id == str(event.disclosure_id)
    assert opened.event.sequence == event.sequence
    assert opened.event.expiry_time == event.expiry_time


def test_every_field_that_an_open_flow_carries_and_an_offer_can_say_has_a_type_and_no_other_field_has() -> None:
    carried = {name for rows in OURS.variants.values() for row in rows for name in row.fields}
    said = {name for kind, content in CONTENT.items() for name in paths(content) if any(key[0] == kind for key in OURS.variants)}
    assert carried == set(TYPES)
    assert set(TYPES) <= said | ENVELOPE


def test_every_flow_of_the_bus_is_in_the_contract_and_says_how_it_ships() -> None:
    routes = [(rule, route) for rule in law().rules for routes in rule.routes.values() for route in routes if route.channel]
    switches = {flow: row.switch for rows in OURS.variants.values() for row in rows for flow in row.flows}
    assert switches == {route.flow: route.switch for _, route in routes if route.flow != "pay-fk-answer-sfb"}  # free text, goes outside


def test_a_ground_has_one_type_in_a_message() -> None:
    grounds = {key: [ground for row in rows for ground in row.grounds] for key, rows in OURS.variants.items()}
    assert [key for key, found in grounds.items() if len(found) != len(set(found))] == []


def test_what_one_receiver_gets_of_a_record_is_another_type_than_what_another_gets() -> None:
    fields = {key: {name for row in rows for name in row.fields} for key, rows in OURS.variants.items()}
    assert fields["control_finding", "forsakringskassan"] < fields["control_finding", "polismyndigheten"]
    assert [receiver for kind, receiver in fields if kind == "folkbokforing_alert"] == ["skatteverket-folkbokforing"]
    assert [receiver for kind, receiver in fields if kind == "police_report"] == ["polismyndigheten"]


def test_what_every_unit_says_of_itself_conforms() -> None:
    for unit in reference().units:
        said = envelope(unit.code, case_number(uuid4(), NOW.date()), "fol-32c-2021", reference())
        OURS.require(*ALERT, "shared", json.dumps(content(*ALERT) | {"fields": said}).encode())


def content(kind: str, receiver: str, change: str = "shared", ground: str | None = None) -> dict[str, Any]:
    return example(kind, receiver, change, str(uuid4()), ground)


def refusal(key: tuple[str, str], content: dict[str, Any] | bytes, change: Any = "shared") -> Invalid:  # noqa: ANN401  # one of three words
    with pytest.raises(Invalid) as refused:
        OURS.require(*key, change, content if isinstance(content, bytes) else json.dumps(content).encode())
    assert refused.value.reason == "CONTRACT_MISMATCH"
    return refused.value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("payment.paid_amount", "12500"),
        ("subject.health_data", "hemligt"),
        ("alert.observed_from", "hemligt"),
        ("alert.circumstances", "hemligt"),
        ("subject.full_name", ["hemligt"]),
        ("alert.suspected_error_kind", "hemligt"),
        ("legal.basis_id", "samnr-4-1-2023"),
        ("sender.unit", None),
    ],
)
def test_a_field_without_a_type_or_of_another_type_stops_the_event_and_the_message_names_it_but_not_what_it_holds(
    name: str,
    value: Any,  # noqa: ANN401  # any JSON
) -> None:
    sent = content(*ALERT)
    sent["fields"][name] = value
    said = str(refusal(ALERT, sent))
    assert name in said
    assert "följer inte kontraktet" in said
    assert "hemligt" not in said


def test_a_field_goes_only_on_the_grounds_that_let_it_go() -> None:
    answer = content(*PAYMENT, ground="sol-15-4-2025")
    OURS.require(*PAYMENT, "shared", json.dumps(answer).encode())
    notice = content(*PAYMENT, ground="underrattelselagen-2026")
    notice["fields"]["payment.paid_amount"] = answer["fields"]["payment.paid_amount"]
    assert "payment.paid_amount" in str(refusal(PAYMENT, notice))


def test_an_invitation_says_no_time_of_day_and_a_plan_does() -> None:
    key, time = ("control_invitation", "polismyndigheten"), "2026-12-01T18:00+01:00"
    plan, invitation = content(*key, ground="osl-10-2"), content(*key, ground="los-inbjudan-oppna-uppgifter")
    plan["fields"]["control.window_start"] = invitation["fields"]["control.window_start"] = time
    OURS.require(*key, "shared", json.dumps(plan).encode())
    assert "control.window_start" in str(refusal(key, invitation))


@pytest.mark.parametrize("broken", [b"{", b"[]", b"{}", b"null", b'{"legal": []}', b'{"legal": {"basis_id": []}}'])
def test_what_is_no_content_is_refused(broken: bytes) -> None:
    refusal(ALERT, broken)


def test_a_receiver_without_a_flow_gets_nothing() -> None:
    refusal(("folkbokforing_alert", "polismyndigheten"), content(*ALERT) | {"aud": "polismyndigheten"})


def test_a_correction_says_what_it_replaces_and_nothing_else_does() -> None:
    first, second = sorted(str(uuid4()) for _ in range(2))
    sent = content(*ALERT, change="corrected")
    for replaces in ([first], [first, second]):
        OURS.require(*ALERT, "corrected", json.dumps(sent | {"replaces": replaces}).encode())
    for wrong in ([], [second, first], [first, first], ["x"], first):
        refusal(ALERT, sent | {"replaces": wrong}, "corrected")
    refusal(ALERT, sent, "corrected")
    refusal(ALERT, sent | {"replaces": [first]}, "shared")


def test_a_recall_carries_nothing_of_what_it_recalls() -> None:
    sent = content(*ALERT, change="recalled")
    assert (sent["fields"], sent["purpose"]) == ({}, RECALLED_PURPOSE)
    OURS.require(*ALERT, "recalled", json.dumps(sent).encode())
    refusal(ALERT, sent | {"fields": {"sender.unit": "x"}}, "recalled")
    refusal(ALERT, sent | {"purpose": "x"}, "recalled")


def test_an_event_is_sealed_only_when_its_content_conforms() -> None:
    event = an_event()
    sent = content(*ALERT) | {"disclosure_id": str(event.disclosure_id)}
    OURS.seal(event, json.dumps(sent).encode(), WORLD.keys)
    with pytest.raises(Invalid, match="följer inte kontraktet"):
        OURS.seal(replace(event, change="corrected"), json.dumps(sent).encode(), WORLD.keys)


def test_nothing_of_the_kommuns_seals_an_event_but_the_contract() -> None:
    folder = Path(services.__file__).parent
    callers = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        if re.search(r"(?<!def )\bseal_event\(", path.read_text(encoding="utf-8"))
    }
    assert callers == {"sharing/contract/content.py"}


# --- at the partner -------------------------------------------------------------------------------------------------------


def handed_out(key: tuple[str, str], content: dict[str, Any]) -> dict[str, Any]:
    return conforming(content, f"se.los.{key[0]}.shared.v1", key[1])


def test_a_field_that_the_contract_does_not_name_is_never_handed_out_and_is_mentioned_once(caplog: pytest.LogCaptureFixture) -> None:
    sent = content(*ALERT)
    grown = sent | {"fields": sent["fields"] | {"alert.new_field": "hemligt"}, "news": {"a": "hemligt"}}
    assert handed_out(ALERT, grown) == handed_out(ALERT, grown) == sent
    assert len([line for line in caplog.messages if "alert.new_field" in line]) == 1
    assert "hemligt" not in caplog.text


def test_a_code_that_is_new_is_handed_out_and_a_new_ground_is_read_as_the_others() -> None:
    sent = content(*ALERT)
    sent["fields"]["alert.suspected_error_kind"] = "a_new_kind"
    assert handed_out(ALERT, sent) == sent
    sent["legal"]["basis_id"] = sent["fields"]["legal.basis_id"] = "fol-32c-2031"
    assert handed_out(ALERT, sent) == sent


@pytest.mark.parametrize(
    "changes",
    [{"legal": {}}, {"secrecy": "x"}, {"fields": {}}, {"fields": {"sender.unit": "x"}}, {"purpose": 7}, {"disclosure_id": "x"}],
)
def test_a_content_without_what_is_always_there_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        handed_out(ALERT, content(*ALERT) | changes)
    assert refused.value.code is Code.CONTENT_MALFORMED


def test_a_message_that_the_receiver_kind_does_not_get_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        handed_out(("folkbokforing_alert", "polismyndigheten"), content(*ALERT))
    assert refused.value.code is Code.CONTRACT_MISMATCH


def test_the_partner_opens_an_event_to_what_conforms_and_no_more() -> None:
    event = an_event()
    opened = open_record(
        a_record(event, a_content(event, {"alert.new_field": "x", "alert.observed_from": "2026-10-01"})), WORLD.kits["skatteverket"], NOW
    )
    assert opened.fields["alert.observed_from"] == "2026-10-01"
    assert "alert.new_field" not in opened.fields
    with pytest.raises(Refused) as refused:
        open_record(a_record(event, a_content(event, {"alert.observed_from": "i höstas"})), WORLD.kits["skatteverket"], NOW)
    assert refused.value.code is Code.CONTENT_MALFORMED
