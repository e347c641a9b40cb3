"""Every byte of a sealed event changed in turn, and every other way of passing off something else: refused, and nothing of it told."""

import io
import json
import logging
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from partner import jose
from partner.envelope import CONTENT_TYPE, Record, open_record
from partner.feedback import Reply
from partner.inbox import Inbox
from partner.jose import Code, Refused
from partner.receiver import Receiver
from tests.partner.builders import NOW, a_content, a_key, a_record, a_world, an_event

WORLD = a_world()
KIT = WORLD.kits["skatteverket"]
CANARY = "Kanarie Fågelsson"
FIELDS: dict[str, str | list[str]] = {
    "subject.full_name": CANARY,
    "alert.circumstances": ["Lägenheten är tom sedan länge.", "Posten ligger kvar innanför dörren."],
}


def a_real_record() -> Record:
    event = an_event(key=uuid4())
    return a_record(event, a_content(event, FIELDS))


def flips(whole: bytes) -> Iterator[bytes]:
    """Each bit of each byte, the other way."""
    for at, byte in enumerate(whole):
        for bit in range(8):
            yield whole[:at] + bytes([byte ^ 1 << bit]) + whole[at + 1 :]


def cuts(whole: bytes) -> Iterator[bytes]:
    """Each byte left out or said twice, and the whole cut off at each."""
    for at in range(len(whole)):
        yield whole[:at] + whole[at + 1 :]
        yield whole[: at + 1] + whole[at:]
        yield whole[:at]


def changed(whole: bytes) -> Iterator[bytes]:
    yield from flips(whole)
    # A byte said twice beside its like is the same text as its like said twice: each text once.
    yield from {cut for cut in cuts(whole) if cut != whole}


def met(records: Iterable[Record]) -> Counter[str]:
    """The codes that the records are refused with. Anything else than a refusal fails."""
    codes: Counter[str] = Counter()
    for record in records:
        with pytest.raises(Refused) as refused:
            open_record(record, KIT, NOW)
        codes[refused.value.code] += 1
    return codes


def with_header(record: Record, number: int, name: bytes, value: bytes) -> Record:
    headers = list(record.headers)
    headers[number] = (name.decode("utf-8", "surrogateescape"), value)
    return replace(record, headers=headers)


def test_every_byte_of_a_sealed_event_changed_in_turn_is_refused() -> None:
    record = a_real_record()
    value, key = record.value or b"", record.key or b""
    began = time.monotonic()

    codes = {
        "value": met(replace(record, value=other) for other in changed(value)),
        "key": met(replace(record, key=other) for other in changed(key)),
        "topic": met(replace(record, topic=other.decode("utf-8", "surrogateescape")) for other in changed(record.topic.encode())),
    }
    for number, (name, content) in enumerate(record.headers):
        codes[f"{name}, name"] = met(with_header(record, number, other, content) for other in changed(name.encode()))
        codes[f"{name}, value"] = met(with_header(record, number, name.encode(), other) for other in changed(content))

    total, took = sum(sum(found.values()) for found in codes.values()), time.monotonic() - began
    logging.getLogger(__name__).info("%d bytes of value; %d changes refused in %.1f s", len(value), total, took)
    assert total > 11 * len(value)
    assert {name: set(found) for name, found in codes.items()} == {
        "value": {Code.SIGNATURE_INVALID},
        "key": {Code.KEY_MISMATCH},
        "topic": {Code.TOPIC_MISMATCH},
        "content-type, name": {Code.HEADER_UNKNOWN},
        "content-type, value": {Code.CONTENT_TYPE},
        "los-signature, name": {Code.HEADER_UNKNOWN},
        "los-signature, value": {
            Code.SIGNATURE_FORM,
            Code.SIGNATURE_ALGORITHM,
            Code.SIGNATURE_KEY_UNKNOWN,
            Code.SIGNATURE_INVALID,
        },
    }


def test_every_byte_of_the_encryption_changed_in_turn_is_refused_even_under_a_signature_of_the_kommuns() -> None:
    record = a_real_record()
    outside = json.loads(record.value or b"")
    sealed = outside["data"].encode()

    def signed(data: bytes) -> Record:
        value = json.dumps(outside | {"data": data.decode("latin-1")}).encode()
        return replace(record, value=value, headers=[("content-type", CONTENT_TYPE), ("los-signature", jose.sign(value, WORLD.signing))])

    # joserfc also refuses the bits at the end of a base64url text that say nothing.
    codes = met(signed(sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]) for at in range(len(sealed)))

    assert set(codes) == {Code.ENCRYPTION_FORM, Code.ENCRYPTION_KEY_UNKNOWN, Code.ENCRYPTION_INVALID}
    assert sum(codes.values()) == len(sealed)


# --- what is whole but is not to be taken ------------------------------------------------------------------------


def refused_ones() -> Mapping[str, tuple[Sequence[Record], Code]]:
    """Records in the order they come; the last of each must be refused, with the code."""
    key = uuid4()
    first, second = an_event(key=key, sequence=1), an_event(key=key, sequence=2)
    expired = an_event(expiry_time=NOW - timedelta(days=1))
    foreign = an_event(receiver_kind="kronofogden")
    old = a_key("skatteverket-folkbokforing-2025-1")
    outside = json.loads(a_real_record().value or b"")
    to_old = json.dumps(outside | {"data": jose.encrypt(a_content(an_event(), FIELDS), old)}).encode()
    deep = an_event()
    wrong = an_event()
    recalled = an_event()
    recall = replace(recalled, id=uuid4(), change="recalled", sequence=2)
    return {
        "replay of what a later one came after": ([sealed_record(second), sealed_record(first, 1)], Code.SEQUENCE_REPLAYED),
        "another agency's event": ([sealed_record(foreign)], Code.TOPIC_MISMATCH),
        "another agency's event on this topic": ([replace(sealed_record(foreign), topic=KIT.share_topic)], Code.ENCRYPTION_KEY_UNKNOWN),
        "an expired event": ([sealed_record(expired)], Code.EXPIRED),
        "sealed to a key that is gone": ([signed_by(to_old, outside["partitionkey"])], Code.ENCRYPTION_KEY_UNKNOWN),
        "signed with a key that is gone": ([signed_by_old(sealed_record(an_event()))], Code.SIGNATURE_KEY_UNKNOWN),
        "nested deep inside": ([a_record(deep, b'{"canary":"' + CANARY.encode() + b'","a":' + b"[" * 20_000)], Code.CONTENT_MALFORMED),
        "of another form inside": ([a_record(wrong, a_content(wrong, {"subject.full_name": CANARY}) + b"}")], Code.CONTENT_MALFORMED),
        "recalled before": ([a_record(recall, a_content(recall, {})), sealed_record(recalled, 1)], Code.RECALLED),
        "too large": ([replace(a_real_record(), value=CANARY.encode() * 6000)], Code.TOO_LARGE),
        "not an event": ([replace(a_real_record(), value=CANARY.encode())], Code.SIGNATURE_INVALID),
    }


def sealed_record(event: object, offset: int = 0) -> Record:
    return a_record(event, a_content(event, FIELDS), offset=offset)  # type: ignore[arg-type]


def signed_by(value: bytes, key: str) -> Record:
    headers = [("content-type", CONTENT_TYPE), ("los-signature", jose.sign(value, WORLD.signing))]
    return replace(a_real_record(), value=value, key=key.encode(), headers=headers)


def signed_by_old(record: Record) -> Record:
    signature = jose.sign(record.value or b"", a_key("0580-sig-2025-1", use="sig"))
    return replace(record, headers=[record.headers[0], ("los-signature", signature)])


@pytest.mark.parametrize("name", list(refused_ones()))
def test_what_is_not_to_be_taken_has_its_own_reason_and_its_content_shows_nowhere(address: str, name: str) -> None:
    records, code = refused_ones()[name]
    inbox, logged, told = Inbox.open(address), io.StringIO(), io.StringIO()
    handler = logging.StreamHandler(logged)
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.DEBUG)
    try:
        with redirect_stdout(told), redirect_stderr(told):
            verdicts = [Receiver(KIT, inbox, keeps_nothing, clock=lambda: NOW).receive(record) for record in records]
            failure = failure_of(records[-1])
    finally:
        logging.getLogger().removeHandler(handler)
        logging.getLogger().setLevel(logging.WARNING)
        rows = repr(inbox.database.execute("SELECT * FROM dead_letter").fetchall()) + repr(inbox.dead_letters())
        inbox.close()

    assert verdicts[-1] is code
    for text in (logged.getvalue(), told.getvalue(), failure, rows):
        assert CANARY not in text
        assert "Fågelsson" not in text.encode().decode("unicode_escape", "replace")
    assert code.value in rows


def failure_of(record: Record) -> str:
    """All that Python says of a refusal."""
    try:
        open_record(record, KIT, NOW)
    except Refused as refused:
        return repr(refused) + "".join(traceback.format_exception(refused))
    return ""


def keeps_nothing(*_: object) -> Sequence[Reply]:
    return []


def test_a_handler_that_fails_with_the_content_in_its_mouth_is_not_quoted(address: str, caplog: pytest.LogCaptureFixture) -> None:
    def failing(tx: object, opened: object, now: object) -> Sequence[Reply]:
        raise RuntimeError(repr((tx, opened, now)))

    inbox = Inbox.open(address)
    event = an_event()

    assert Receiver(KIT, inbox, failing, clock=lambda: NOW).receive(a_record(event, a_content(event, FIELDS))) is Code.HANDLER_FAILED

    assert CANARY not in caplog.text
    assert CANARY not in repr(inbox.database.execute("SELECT * FROM dead_letter").fetchall())
    inbox.close()
