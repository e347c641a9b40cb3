import base64
import json
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jwcrypto import jwe as other_jwe
from jwcrypto import jwk as other_jwk
from jwcrypto import jws as other_jws

from partner import feedback, jose
from partner.envelope import Event as PartnerEvent
from partner.envelope import Record, open_record
from partner.feedback import InvitationAnswer, Reply, Role
from services.kernel.errors import Invalid
from services.sharing.sealing import (
    CONTENT_BYTES_MAX,
    REPLY_BYTES_MAX,
    InvitationAnswered,
    Keys,
    Outcome,
    Receipt,
    content_bytes,
    open_reply,
    seal_event,
)
from tests.partner.builders import AGENCY_OF, NOW, a_content, a_key, a_record, a_world, an_event, forged, sealed

WORLD = a_world()
KIT = WORLD.kits["skatteverket"]
KIND = "skatteverket-folkbokforing"
OTHER = "7c9e6679-7425-40de-944b-e07fc1f90ae7"

# --- what leaves ---------------------------------------------------------------------------------------------------


def test_another_library_verifies_and_opens_an_event_and_finds_the_previewed_bytes() -> None:
    event = an_event()
    content = a_content(event)
    record = sealed(event, content)

    signature = other_jws.JWS()
    signature.allowed_algs = ["ES256"]
    signature.deserialize(dict(record.headers)["los-signature"].decode())
    signature.verify(other_jwk.JWK(**WORLD.signing.as_dict(private=False)), detached_payload=record.value)
    box = other_jwe.JWE(algs=["ECDH-ES+A256KW", "A256GCM"])
    box.deserialize(json.loads(record.value)["data"], other_jwk.JWK(**WORLD.private[KIND].as_dict(private=True)))

    assert box.payload == content


def test_nobody_but_the_receiver_kind_can_open_an_event() -> None:
    data = json.loads(sealed(an_event()).value)["data"]

    for kind in set(WORLD.private) - {KIND}:
        with pytest.raises(jose.Refused, match="encryption_invalid"):
            jose.decrypt(data, WORLD.private[kind])


def test_the_record_has_the_form_of_the_contract() -> None:
    event = an_event(sequence=7)
    record = sealed(event)
    outside = json.loads(record.value)
    data = outside.pop("data")

    assert record.key == str(event.key).encode()
    assert [name for name, _ in record.headers] == ["content-type", "los-signature"]
    assert record.headers[0][1] == b"application/cloudevents+json; charset=UTF-8"
    assert outside == {
        "specversion": "1.0",
        "id": str(event.id),
        "source": "urn:los:0580:sharing",
        "type": "se.los.folkbokforing_alert.shared.v1",
        "time": "2026-11-24T09:30:00Z",
        "datacontenttype": "application/jose",
        "partitionkey": str(event.key),
        "sequence": "7",
        "correlationid": str(event.disclosure_id),
        "recordedtime": "2026-11-23T09:30:00.000Z",
        "expirytime": "2026-12-24T09:30:00.000Z",
        "dataclassification": "sekretess",
    }
    head = json.loads(base64.urlsafe_b64decode(data.split(".")[0] + "=="))
    assert {name: head[name] for name in head if name != "epk"} == {
        "alg": "ECDH-ES+A256KW",
        "enc": "A256GCM",
        "kid": "skatteverket-folkbokforing-2026-1",
        "typ": "JOSE",
        "cty": "application/json",
    }


def test_the_content_is_canonical_and_has_no_empty_fields() -> None:
    fields = {"subject.b": "Åsa", "subject.a": ["x"], "subject.c": "", "subject.d": []}
    content = content_bytes(
        receiver_kind=KIND, disclosure_id=UUID(int=1), record_kind="folkbokforing_alert", purpose="P",
        basis_id="fol-32c-2021", citation="C", sfs="2021:682", secrecy=[], fields=fields,
    )  # fmt: skip

    assert content.decode() == (
        '{"aud":"skatteverket-folkbokforing","disclosure_id":"00000000-0000-0000-0000-000000000001",'
        '"fields":{"subject.a":["x"],"subject.b":"Åsa"},"legal":{"basis_id":"fol-32c-2021","citation":"C","sfs":"2021:682"},'
        '"purpose":"P","record_kind":"folkbokforing_alert","secrecy":[]}'
    )


def test_the_largest_content_can_be_sent_and_opened_and_one_byte_more_cannot() -> None:
    event = an_event()
    room = CONTENT_BYTES_MAX - len(a_content(event, {"subject.full_name": "x"})) + 1
    largest = a_content(event, {"subject.full_name": "x" * room})

    assert open_record(a_record(event, largest), KIT, NOW).fields["subject.full_name"] == "x" * room
    with pytest.raises(Invalid) as refused:
        seal_event(event, largest + b" ", WORLD.keys)
    assert refused.value.reason == "TOO_LARGE"


def test_a_receiver_without_a_key_gets_nothing() -> None:
    event = an_event(receiver_kind="csn")

    with pytest.raises(Invalid) as refused:
        seal_event(event, a_content(event), WORLD.keys)
    assert refused.value.reason == "RECEIVER_KEY_MISSING"


# --- what comes back -----------------------------------------------------------------------------------------------


def an_opened_event(**changes: Any) -> PartnerEvent:  # noqa: ANN401 - any part of an event
    event = an_event(**changes)
    return open_record(a_record(event), WORLD.kits[AGENCY_OF[event.receiver_kind]], NOW).event


def a_receipt(event: PartnerEvent | None = None) -> Reply:
    return feedback.receipt(KIT, event or an_opened_event(), KIND, None, NOW)


def taken_in(reply: Reply) -> Any:  # noqa: ANN401 - one of three bodies
    return open_reply(reply.topic, reply.key, reply.value, reply.headers, WORLD.keys, NOW)


def refusal(reply: Reply, **changes: Any) -> str:  # noqa: ANN401 - any part of a record
    parts: dict[str, Any] = {"topic": reply.topic, "key": reply.key, "value": reply.value, "headers": reply.headers, "now": NOW} | changes
    with pytest.raises(Invalid) as refused:
        open_reply(parts["topic"], parts["key"], parts["value"], parts["headers"], WORLD.keys, parts["now"])
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
    return refused.value.reason


def a_forged_receipt(inside: dict[str, Any] | bytes | None = None, outside: dict[str, Any] | None = None, kind: str = KIND) -> Reply:
    return forged(a_receipt(), kind, inside, outside)


def test_a_receipt_is_opened_with_what_it_answers() -> None:
    event = an_opened_event()

    reply = taken_in(a_receipt(event))

    assert reply.agency == "skatteverket"
    assert reply.source == "urn:los:agency:skatteverket"
    assert str(reply.key) == event.key
    assert isinstance(reply.body, Receipt)
    assert (str(reply.body.event_id), str(reply.body.disclosure_id)) == (event.id, event.disclosure_id)
    assert (reply.body.status, reply.body.reason, reply.body.receiver_kind) == ("received", None, KIND)


@pytest.mark.parametrize("code", list(jose.Code))
def test_every_code_of_the_partner_can_be_told_in_a_receipt(code: jose.Code) -> None:
    reply = taken_in(feedback.receipt(KIT, an_opened_event(), KIND, code, NOW))

    assert isinstance(reply.body, Receipt)
    assert (reply.body.status, reply.body.reason) == ("refused", code.value)


@pytest.mark.parametrize("status", list(feedback.Outcome))
def test_an_outcome_is_opened(status: feedback.Outcome) -> None:
    reply = taken_in(feedback.outcome(KIT, an_opened_event(), KIND, status, NOW))

    assert isinstance(reply.body, Outcome)
    assert reply.body.status == status.value


@pytest.mark.parametrize("answer", [InvitationAnswer(Role.ON_SITE, "polis", "a@b.se"), InvitationAnswer(None, None, "a@b.se")])
def test_an_answer_to_an_invitation_is_opened(answer: InvitationAnswer) -> None:
    reply = taken_in(feedback.invitation_answer(KIT, an_opened_event(), KIND, "VK-2026/17", answer, NOW))

    assert isinstance(reply.body, InvitationAnswered)
    assert reply.body.answer == ("accepted" if answer.role else "declined")
    assert reply.body.role == answer.role
    assert reply.body.control_ground_id == answer.control_ground_id
    assert reply.body.control_reference == "VK-2026/17"


def test_a_reply_signed_by_another_agency_is_refused() -> None:
    assert refusal(a_forged_receipt(kind="kronofogden")) == "SIGNATURE_KEY_UNKNOWN"


def test_a_receiver_kind_cannot_answer_for_its_sibling() -> None:
    assert refusal(a_forged_receipt(kind="skatteverket-beskattning")) == "RECEIVER_KIND_MISMATCH"


def test_a_reply_on_the_topic_of_another_agency_is_refused() -> None:
    assert refusal(a_receipt(), topic="los.reply.kronofogden.v1") == "SIGNATURE_KEY_UNKNOWN"
    assert refusal(a_receipt(), topic="los.share.skatteverket.v1") == "TOPIC_MISMATCH"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"key": OTHER.encode()}, "KEY_MISMATCH"),
        ({"key": None}, "KEY_MISMATCH"),
        ({"value": None}, "SIGNATURE_INVALID"),
        ({"value": b"x" * (REPLY_BYTES_MAX + 1)}, "TOO_LARGE"),
        ({"headers": []}, "HEADERS"),
        ({"headers": [("content-type", b"application/json"), ("los-signature", b"a..b")]}, "CONTENT_TYPE"),
        ({"now": NOW + timedelta(days=31)}, "EXPIRED"),
    ],
)
def test_a_reply_in_the_wrong_place_or_time_is_refused(changes: dict[str, Any], code: str) -> None:
    assert refusal(a_receipt(), **changes) == code


def test_an_unknown_header_is_refused() -> None:
    reply = a_receipt()

    assert refusal(reply, headers=[*reply.headers, ("x", b"1")]) == "HEADERS"


@pytest.mark.parametrize(
    ("outside", "code"),
    [
        ({"source": "urn:los:agency:kronofogden"}, "SOURCE_MISMATCH"),
        ({"type": "se.los.folkbokforing_alert.shared.v1"}, "TYPE_UNKNOWN"),
        ({"correlationid": OTHER}, "DISCLOSURE_MISMATCH"),
        ({"id": None}, "EVENT_MALFORMED"),
        ({"time": None}, "EVENT_MALFORMED"),
        ({"time": 7}, "EVENT_MALFORMED"),
        ({"time": "0001-01-01T00:00:00+14:00"}, "EVENT_MALFORMED"),
        ({"time": "2026-11-24T09:31:01Z"}, "TIME_AHEAD"),
        ({"expirytime": "2026-12-01"}, "EVENT_MALFORMED"),
        ({"expirytime": "9999-12-31T23:59:59-01:00"}, "EVENT_MALFORMED"),
        ({"datacontenttype": "application/json"}, "EVENT_MALFORMED"),
        ({"specversion": "0.3"}, "EVENT_MALFORMED"),
        ({"data": "a.b.c.d.e"}, "ENCRYPTION_FORM"),
        ({"data": {"a": 1}}, "ENCRYPTION_FORM"),
        ({"data": "\ud800.b.c.d.e"}, "ENCRYPTION_FORM"),
    ],
)
def test_a_signed_event_of_the_wrong_form_is_refused(outside: dict[str, Any], code: str) -> None:
    assert refusal(a_forged_receipt(outside=outside)) == code


@pytest.mark.parametrize(
    ("inside", "code"),
    [
        ({"aud": "forsakringskassan"}, "AUD_MISMATCH"),
        ({"extra": "1"}, "CONTENT_MALFORMED"),
        ({"status": "read"}, "CONTENT_MALFORMED"),
        ({"status": "refused"}, "CONTENT_MALFORMED"),
        ({"reason": "expired"}, "CONTENT_MALFORMED"),
        ({"status": "refused", "reason": "Kalle bor inte där"}, "CONTENT_MALFORMED"),
        ({"time": 1}, "CONTENT_MALFORMED"),
        ({"time": "0001-01-01T00:00:00+14:00"}, "CONTENT_MALFORMED"),
        ({"time": "2026-11-17T09:29:59Z"}, "TIME_MISMATCH"),
        ({"time": "2026-12-01T09:30:01Z"}, "TIME_MISMATCH"),
        ({"event_id": "1"}, "CONTENT_MALFORMED"),
        (b"[]", "CONTENT_MALFORMED"),
        (b'{"aud":"kommun","aud":"kommun"}', "CONTENT_MALFORMED"),
        (b"", "CONTENT_MALFORMED"),
    ],
)
def test_a_signed_content_of_the_wrong_form_is_refused(inside: dict[str, Any] | bytes, code: str) -> None:
    assert refusal(a_forged_receipt(inside)) == code


def test_a_reply_is_taken_until_the_end_of_time_when_its_agency_says_so() -> None:
    taken_in(a_forged_receipt(outside={"expirytime": "9999-12-31T23:59:59Z"}))


def test_times_are_taken_within_a_clocks_difference_and_a_week() -> None:
    taken_in(a_forged_receipt(outside={"time": "2026-11-24T09:31:00Z"}))
    answered = taken_in(a_forged_receipt({"time": "2026-12-01T10:30:00+01:00"})).body.time

    assert answered == NOW + timedelta(days=7)
    assert answered.tzinfo is UTC


@pytest.mark.parametrize("sign", ["\0", "\n", "\x7f", "\u202e", "\u200b"])
def test_a_mailbox_holds_no_sign_that_cannot_be_seen(sign: str) -> None:
    event = an_opened_event()
    answer = feedback.invitation_answer(KIT, event, KIND, "LOS-2026-1", InvitationAnswer(None, None, f"los{sign}@a.example"), NOW)

    assert refusal(answer) == "CONTENT_MALFORMED"


def test_a_reply_encrypted_to_another_key_is_refused() -> None:
    stranger = a_key("0580-enc-2026-1")
    data = jose.encrypt(b"{}", stranger)

    assert refusal(a_forged_receipt(outside={"data": data})) == "ENCRYPTION_INVALID"
    assert refusal(a_forged_receipt(outside={"data": jose.encrypt(b"{}", a_key("annan-2026-1"))})) == "ENCRYPTION_KEY_UNKNOWN"


@given(st.data())
def test_a_reply_with_any_byte_changed_is_refused(data: st.DataObject) -> None:
    reply = a_receipt()
    place = data.draw(st.integers(0, len(reply.value) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != reply.value[place]))

    assert refusal(reply, value=reply.value[:place] + bytes([other]) + reply.value[place + 1 :]) == "SIGNATURE_INVALID"


def test_a_refusal_never_tells_what_the_reply_said() -> None:
    reply = a_forged_receipt({"status": "Kalle Kula"})

    with pytest.raises(Invalid) as refused:
        taken_in(reply)

    assert "Kalle" not in str(refused.value)
    assert "skatteverket" not in str(refused.value)


# --- keys ----------------------------------------------------------------------------------------------------------


def written(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content), encoding="ascii")
    return path


def loaded(folder: Path, receivers: list[Any]) -> Keys:
    signing = written(folder / "signing.jwks", {"keys": [WORLD.signing.as_dict(private=True)]})
    encryption = written(folder / "encryption.jwks", {"keys": [WORLD.encryption.as_dict(private=True)]})
    return Keys.load(signing, encryption, written(folder / "receivers.jwks", {"keys": receivers}))


def test_keys_are_loaded_and_every_receiver_kind_belongs_to_its_agency(tmp_path: Path) -> None:
    event = an_event()

    keys = loaded(tmp_path, [key.as_dict(private=False) for key in WORLD.private.values()])
    record = seal_event(event, a_content(event), keys)

    assert {kind: receiver.agency for kind, receiver in keys.receivers.items()} == AGENCY_OF
    opened = open_record(Record(KIT.share_topic, 0, 0, record.key, record.value, record.headers), KIT, NOW)
    assert opened.event.id == str(event.id)


@pytest.mark.parametrize(
    "key",
    [
        a_key("kronofogden-2026-1").as_dict(private=True),
        a_key("kronofogden").as_dict(private=False),
        a_key("nobody-2026-1").as_dict(private=False),
        a_key("csn-2026-1").as_dict(private=False),
    ],
    ids=["private", "no year", "no receiver", "no agency"],
)
def test_a_receiver_key_that_is_not_one_stops_the_start(tmp_path: Path, key: dict[str, Any]) -> None:
    with pytest.raises((ValueError, KeyError)):
        loaded(tmp_path, [key])
