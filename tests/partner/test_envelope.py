import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.util import urlsafe_b64encode

from partner import jose
from partner.envelope import Record, open_record, receiver_kind_of
from partner.jose import Code, Refused
from services.sharing.sealing import Event
from tests.partner.builders import ENVELOPE, NOW, a_content, a_key, a_record, a_world, an_event

WORLD = a_world()
KIT = WORLD.kits["skatteverket"]
KIND = "skatteverket-folkbokforing"
OTHER = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


def refusal(record: Record, now: Any = NOW) -> Refused:  # noqa: ANN401 - a datetime
    with pytest.raises(Refused) as refused:
        open_record(record, KIT, now)
    return refused.value


def signed(value: bytes, record: Record) -> Record:
    """The record with this value and the kommun's own signature on it."""
    headers = [record.headers[0], ("los-signature", jose.sign(value, WORLD.signing))]
    return replace(record, value=value, headers=headers)


def a_signed_record(**outside: Any) -> Record:  # noqa: ANN401 - any attribute; None leaves it out
    record = a_record(an_event())
    attributes = json.loads(record.value or b"") | outside
    return signed(json.dumps({name: text for name, text in attributes.items() if text is not None}).encode(), record)


def a_record_with_content(event: Event, **changes: Any) -> Record:  # noqa: ANN401 - any part of the content
    content = json.loads(a_content(event)) | changes
    plain = {name: value for name, value in content.items() if value is not None}
    return a_record(event, json.dumps(plain).encode())


@given(st.data())
def test_a_record_with_any_byte_changed_is_refused(data: st.DataObject) -> None:
    record = a_record(an_event())
    value = record.value or b""
    place = data.draw(st.integers(0, len(value) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != value[place]))

    refused = refusal(replace(record, value=value[:place] + bytes([other]) + value[place + 1 :]))

    assert refused.code is Code.SIGNATURE_INVALID
    assert refused.event is None


@given(st.binary(max_size=300), st.binary(max_size=200))
def test_anything_at_all_is_refused_and_nothing_else_happens(value: bytes, signature: bytes) -> None:
    record = a_record(an_event())

    refusal(replace(record, value=value, headers=[record.headers[0], ("los-signature", signature)]))


@given(st.binary(max_size=300))
def test_anything_at_all_that_the_kommun_signed_is_refused_as_no_event(value: bytes) -> None:
    code = refusal(signed(value, a_record(an_event()))).code

    assert code is Code.EVENT_MALFORMED


@given(st.binary(max_size=300))
def test_anything_at_all_inside_the_encryption_is_refused(content: bytes) -> None:
    assert refusal(a_record(an_event(), content)).code is Code.CONTENT_MALFORMED


@pytest.mark.parametrize(
    ("outside", "code"),
    [
        ({"id": None}, Code.EVENT_MALFORMED),
        ({"id": "1"}, Code.EVENT_MALFORMED),
        ({"id": OTHER.upper()}, Code.EVENT_MALFORMED),
        ({"time": None}, Code.EVENT_MALFORMED),
        ({"time": "2026-11-24T10:00:00+01:00"}, Code.EVENT_MALFORMED),
        ({"type": "se.los.receipt.v1"}, Code.EVENT_MALFORMED),
        ({"type": "se.los.folkbokforing_alert.shared.v2"}, Code.EVENT_MALFORMED),
        ({"specversion": "0.3"}, Code.EVENT_MALFORMED),
        ({"sequence": "0"}, Code.EVENT_MALFORMED),
        ({"sequence": "٣"}, Code.EVENT_MALFORMED),
        ({"sequence": 1}, Code.EVENT_MALFORMED),
        ({"expirytime": None}, Code.EVENT_MALFORMED),
        ({"recordedtime": "2026-13-01T00:00:00Z"}, Code.EVENT_MALFORMED),
        ({"datacontenttype": "application/json"}, Code.EVENT_MALFORMED),
        ({"dataclassification": "hemlig"}, Code.EVENT_MALFORMED),
        ({"data": None}, Code.EVENT_MALFORMED),
        ({"data": {"fields": {}}}, Code.EVENT_MALFORMED),
        ({"Upper": "x"}, Code.EVENT_MALFORMED),
        ({"partitionkey": OTHER}, Code.KEY_MISMATCH),
        ({"source": "urn:los:0581:sharing"}, Code.SOURCE_MISMATCH),
        ({"correlationid": OTHER}, Code.DISCLOSURE_MISMATCH),
        ({"type": "se.los.suspected_payment.shared.v1"}, Code.KIND_MISMATCH),
        ({"data": "not.a.jwe"}, Code.ENCRYPTION_FORM),
        ({"data": "\ud800.a.jwe"}, Code.ENCRYPTION_FORM),
        ({"data": jose.encrypt(b"{}", a_key("okand-2026-1"))}, Code.ENCRYPTION_KEY_UNKNOWN),
        ({"data": jose.encrypt(b"{}", a_key("skatteverket-folkbokforing-2026-1"))}, Code.ENCRYPTION_INVALID),
    ],
)
def test_an_event_that_the_kommun_signed_but_that_is_not_as_agreed_is_refused(outside: dict[str, Any], code: Code) -> None:
    assert refusal(a_signed_record(**outside)).code is code


def test_a_new_attribute_is_read_past_since_the_contract_may_grow() -> None:
    assert open_record(a_signed_record(traceparent="00-0"), KIT, NOW).fields == ENVELOPE


def test_a_name_said_twice_is_refused() -> None:
    record = a_record(an_event())
    value = (record.value or b"").replace(b'{"specversion": "1.0"', b'{"specversion": "1.0", "specversion": "1.0"')
    assert value != record.value

    assert refusal(signed(value, record)).code is Code.EVENT_MALFORMED


@pytest.mark.parametrize(
    ("inside", "code"),
    [
        ({"aud": "skatteverket-beskattning"}, Code.AUD_MISMATCH),
        ({"aud": "kommun"}, Code.AUD_MISMATCH),
        ({"aud": None}, Code.CONTENT_MALFORMED),
        ({"disclosure_id": OTHER}, Code.DISCLOSURE_MISMATCH),
        ({"record_kind": "police_report"}, Code.KIND_MISMATCH),
        ({"fields": {"a": 1}}, Code.CONTENT_MALFORMED),
        ({"fields": {"a": [1]}}, Code.CONTENT_MALFORMED),
        ({"fields": ["a"]}, Code.CONTENT_MALFORMED),
        ({"legal": "lag"}, Code.CONTENT_MALFORMED),
        ({"secrecy": "26:1"}, Code.CONTENT_MALFORMED),
    ],
)
def test_a_content_that_is_not_as_agreed_is_refused_and_the_event_is_known(inside: dict[str, Any], code: Code) -> None:
    event = an_event()

    refused = refusal(a_record_with_content(event, **inside))

    assert refused.code is code
    assert refused.event is not None
    assert refused.event.id == str(event.id)
    assert receiver_kind_of(refused.event, KIT) == KIND


def test_what_is_sealed_to_the_sibling_cannot_be_passed_on_to_the_other_receiver_kind() -> None:
    event = an_event(receiver_kind="skatteverket-beskattning")

    assert refusal(a_record(event, a_content(replace(event, receiver_kind=KIND)))).code is Code.AUD_MISMATCH


def test_an_event_is_taken_until_its_expiry_and_a_clocks_difference_more() -> None:
    record = a_record(an_event(expiry_time=NOW))

    open_record(record, KIT, NOW + timedelta(seconds=60))
    assert refusal(record, NOW + timedelta(seconds=61)).code is Code.EXPIRED


def test_an_event_may_hold_until_the_end_of_time() -> None:
    open_record(a_signed_record(expirytime="9999-12-31T23:59:59Z"), KIT, NOW)


@pytest.mark.parametrize(
    ("protected", "code"),
    [
        ({"alg": "none", "kid": "0580-sig-2026-1"}, Code.SIGNATURE_ALGORITHM),
        ({"alg": "HS256", "kid": "0580-sig-2026-1"}, Code.SIGNATURE_ALGORITHM),
        ({"kid": "0580-sig-2026-1"}, Code.SIGNATURE_ALGORITHM),
        ({"alg": "ES256"}, Code.SIGNATURE_FORM),
        ({"alg": "ES256", "kid": "0580-sig-2026-1", "b64": False}, Code.SIGNATURE_FORM),
        ({"alg": "ES256", "kid": "0580-sig-2026-1", "crit": ["x"]}, Code.SIGNATURE_FORM),
        ({"alg": "ES256", "kid": "0580-enc-2026-1"}, Code.SIGNATURE_KEY_UNKNOWN),
        ({"alg": "ES256", "kid": 7}, Code.SIGNATURE_KEY_UNKNOWN),
        ({"alg": "ES256", "kid": ["x"]}, Code.SIGNATURE_KEY_UNKNOWN),
    ],
)
def test_a_signature_header_other_than_the_agreed_one_is_refused(protected: dict[str, Any], code: Code) -> None:
    record = a_record(an_event())
    head = urlsafe_b64encode(json.dumps(protected).encode())
    tail = record.headers[1][1].split(b".")[2]

    assert refusal(replace(record, headers=[record.headers[0], ("los-signature", head + b".." + tail)])).code is code


def test_an_attached_signature_of_another_value_does_not_carry_this_one() -> None:
    record, other = a_record(an_event()), a_record(an_event())
    head, _, tail = other.headers[1][1].split(b".")
    attached = b".".join([head, urlsafe_b64encode(other.value or b""), tail])

    assert refusal(replace(record, headers=[record.headers[0], ("los-signature", attached)])).code is Code.SIGNATURE_FORM


@pytest.mark.parametrize("headers", [[], [("content-type", b"x")], "twice", [("content-type", b"x"), ("los-signature", b"")]])
def test_headers_are_exactly_the_two(headers: Any) -> None:  # noqa: ANN401 - a list, or a word
    record = a_record(an_event())
    if headers == "twice":
        headers = [*record.headers, record.headers[1]]

    assert refusal(replace(record, headers=headers)).code in {Code.HEADER_MISSING, Code.CONTENT_TYPE}


@pytest.mark.parametrize("key", [None, b"", OTHER.encode()])
def test_the_record_key_is_the_partitionkey(key: bytes | None) -> None:
    assert refusal(a_record(an_event(), key=key)).code is Code.KEY_MISMATCH


def test_the_topic_is_the_agencys_own() -> None:
    assert refusal(a_record(an_event(), topic="los.share.kronofogden.v1")).code is Code.TOPIC_MISMATCH


def test_a_refusal_tells_nothing_of_the_content() -> None:
    event = an_event()

    refused = refusal(a_record_with_content(event, fields={"subject.full_name": ["Kalle", 7]}))

    assert "Kalle" not in repr(refused)
    assert str(refused) == "content_malformed"
