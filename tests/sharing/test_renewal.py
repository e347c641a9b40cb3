"""What was sealed with a key that has ended or been revoked waits, shows, and leaves under a new one as the same event."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from los.sharing.v1 import sharing_pb2 as pb
from structlog.testing import capture_logs

from infra import key_files
from partner import jose
from partner.envelope import open_record
from partner.kit import Kit, keyring
from tests.sharing.acts import recall
from tests.sharing.conftest import RECEIVER, Sharing

OLD = f"{RECEIVER}-2026-1"


def changed(path: Path, change: Callable[[list[key_files.Jwk]], list[key_files.Jwk]]) -> None:
    key_files.save(path, change(key_files.read(path)))


def with_new_key(sharing: Sharing, kit: Kit) -> Kit:
    """The agency makes a new key for the receiver kind, keeps the private part and hands over the other."""
    new = key_files.new(RECEIVER, 2)
    changed(sharing.keys.receivers_file, lambda keys: [*keys, *key_files.public([new])])
    private = key_files.read(sharing.kafka.folder.partners / "skatteverket" / "private.jwks")
    kommun = key_files.public([*key_files.read(sharing.keys.signing_file), *key_files.read(sharing.keys.encryption_file)])
    return replace(kit, keys=keyring([*private, new], kommun, kit.receiver_kinds))


def waiting_value(sharing: Sharing, disclosure_id: str) -> dict[str, Any]:
    [row] = sharing.rows("SELECT value FROM message WHERE disclosure_id = %s", disclosure_id)
    words: dict[str, Any] = json.loads(row.value)
    return words


def without_data(words: dict[str, Any]) -> dict[str, Any]:
    return {name: text for name, text in words.items() if name != "data"}


def test_a_message_to_a_revoked_key_waits_shows_and_leaves_as_the_same_event_when_there_is_a_new_key(sharing: Sharing) -> None:
    disclosure_id = sharing.decided(uuid4())
    before = waiting_value(sharing, disclosure_id)
    payload = sharing.call("GetDisclosure", pb.GetDisclosureRequest(disclosure_id=disclosure_id)).payload
    changed(sharing.keys.receivers_file, lambda keys: key_files.revoked(keys, OLD, sharing.clock.now()))

    with capture_logs() as said:
        assert sharing.renewal.run_once() == 0
        assert sharing.renewal.run_once() == 0
    assert sharing.relay.run_once() == 0
    shown = sharing.call("GetDisclosure", pb.GetDisclosureRequest(disclosure_id=disclosure_id)).disclosure
    assert [line["count"] for line in said if line["event"] == "messages_wait_for_a_key"] == [1]
    assert shown.task.startswith("Väntar på en giltig nyckel.")
    assert (shown.state, sharing.status(disclosure_id)) == (pb.DISCLOSURE_STATE_DECIDED, "decided")
    assert sharing.on_the_topic(disclosure_id) == []

    kit = with_new_key(sharing, sharing.kit("skatteverket"))
    assert sharing.renewal.run_once() == 1
    assert sharing.renewal.run_once() == 0
    assert sharing.relay.run_once() == 1

    [record] = sharing.records(disclosure_id)
    assert without_data(json.loads(record.value or b"")) == without_data(before)
    opened = open_record(record, kit, datetime.now(UTC))
    assert opened.fields == json.loads(payload)["fields"]
    assert sharing.status(disclosure_id) == "sent"
    shown = sharing.call("GetDisclosure", pb.GetDisclosureRequest(disclosure_id=disclosure_id)).disclosure
    assert shown.task == ""


def test_a_message_signed_with_a_retired_key_of_the_kommun_is_signed_again(sharing: Sharing) -> None:
    disclosure_id = sharing.decided(uuid4())
    before = waiting_value(sharing, disclosure_id)
    now = sharing.clock.now()
    changed(sharing.keys.signing_file, lambda keys: key_files.rotated(keys, "0580-sig", now - timedelta(days=1), timedelta(hours=1)))

    assert sharing.renewal.run_once() == 1
    assert sharing.relay.run_once() == 1

    [record] = sharing.records(disclosure_id)
    kit = sharing.kit("skatteverket")
    kommun = key_files.public([*key_files.read(sharing.keys.signing_file), *key_files.read(sharing.keys.encryption_file)])
    private = key_files.read(sharing.kafka.folder.partners / "skatteverket" / "private.jwks")
    opened = open_record(record, replace(kit, keys=keyring(private, kommun, kit.receiver_kinds)), datetime.now(UTC))
    assert opened.event.id == before["id"]


def test_a_message_to_an_old_key_that_still_opens_leaves_as_it_is(sharing: Sharing) -> None:
    disclosure_id = sharing.decided(uuid4())
    before = waiting_value(sharing, disclosure_id)
    with_new_key(sharing, sharing.kit("skatteverket"))
    changed(sharing.keys.receivers_file, lambda keys: key_files.retired(keys, {RECEIVER}, sharing.clock.now() + timedelta(days=30)))

    assert sharing.renewal.run_once() == 0
    assert sharing.relay.run_once() == 1

    [record] = sharing.records(disclosure_id)
    assert json.loads(record.value or b"") == before


def test_the_relay_itself_sends_nothing_under_a_key_that_has_ended_and_keeps_the_order_behind_it(sharing: Sharing) -> None:
    first, second, third = (sharing.decided(uuid4()) for _ in range(3))
    sharing.change(
        "UPDATE outbox SET key = (SELECT key FROM outbox ORDER BY seq LIMIT 1) WHERE payload->>'disclosure_id' = ANY(%s)", [second, third]
    )
    sharing.change("UPDATE message SET usable_until = now() - interval '1 second' WHERE disclosure_id = %s", second)

    assert sharing.relay.run_once() == 1
    assert [sharing.status(one) for one in (first, second, third)] == ["sent", "decided", "decided"]

    sharing.change("UPDATE message SET usable_until = now() + interval '1 hour'")
    sharing.change("UPDATE outbox SET next_time = now()")
    assert sharing.relay.run_once() == 2
    assert [sharing.status(one) for one in (first, second, third)] == ["sent", "sent", "sent"]


def test_a_recall_that_waits_is_sealed_again_with_the_same_content(sharing: Sharing) -> None:
    disclosure_id = sharing.decided(uuid4())
    assert sharing.relay.run_once() == 1
    recall(sharing, disclosure_id)
    before = waiting_value(sharing, disclosure_id)
    kit = sharing.kit("skatteverket")
    content = jose.decrypt(before["data"], kit.keys.private[OLD])
    changed(sharing.keys.receivers_file, lambda keys: key_files.revoked(keys, OLD, sharing.clock.now()))
    kit = with_new_key(sharing, kit)

    assert sharing.renewal.run_once() == 1
    assert sharing.relay.run_once() == 1

    [_, record] = sharing.records(disclosure_id)
    after = json.loads(record.value or b"")
    assert without_data(after) == without_data(before)
    assert jose.decrypt(after["data"], kit.keys.private[f"{RECEIVER}-2026-2"]) == content
    assert open_record(record, kit, datetime.now(UTC)).fields == {}


def test_what_is_taken_back_while_it_waits_for_a_key_has_never_left(sharing: Sharing) -> None:
    record_id = uuid4()
    disclosure_id = sharing.decided(record_id)
    changed(sharing.keys.receivers_file, lambda keys: key_files.revoked(keys, OLD, sharing.clock.now()))
    sharing.renewal.run_once()
    sharing.relay.run_once()

    sharing.withdraw(record_id)

    assert sharing.status(disclosure_id) == "void"
    assert sharing.renewal.run_once() == 0


def test_a_message_sealed_by_a_process_that_had_not_seen_the_new_keys_is_found(sharing: Sharing) -> None:
    """A decision under way when the file changes commits after the keys were read."""
    disclosure_id = sharing.decided(uuid4())
    with_new_key(sharing, sharing.kit("skatteverket"))
    changed(sharing.keys.receivers_file, lambda keys: key_files.revoked(keys, OLD, sharing.clock.now()))
    assert sharing.renewal.run_once() == 1
    sharing.change("UPDATE message SET kid = %s, usable_until = NULL WHERE disclosure_id = %s", OLD, disclosure_id)

    assert sharing.renewal.run_once() == 1
    [row] = sharing.rows("SELECT kid FROM message WHERE disclosure_id = %s", disclosure_id)
    assert row.kid == f"{RECEIVER}-2026-2"


def test_a_preview_is_void_when_the_key_has_changed_without_a_restart(sharing: Sharing) -> None:
    shown = sharing.preview(sharing.offer(uuid4()).offer_id)
    with_new_key(sharing, sharing.kit("skatteverket"))

    with pytest.raises(Exception, match=r"förhandsgranska|ändrats"):
        sharing.decide(shown)


def test_a_recall_that_cannot_be_signed_is_a_persons_to_tell(sharing: Sharing) -> None:
    disclosure_id = sharing.decided(uuid4())
    sharing.relay.run_once()
    changed(sharing.keys.signing_file, lambda keys: [key | {"exp": int(sharing.clock.now().timestamp()) - 1} for key in keys])

    answer = recall(sharing, disclosure_id)

    assert answer.state == pb.DISCLOSURE_STATE_RECALL_DUE
    assert sharing.relay.run_once() == 0
