"""Keys begin, end and are revoked: which one seals, which ones open, and what a running process does when a file changes."""

import json
import threading
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from infra import key_files
from partner import feedback, jose
from partner.envelope import open_record
from partner.kit import Kit
from services.kernel.errors import Invalid
from services.sharing.sealing import Key, Keys, KeysOnFile, Receiver, content_of, open_reply, seal_again, seal_event
from tests.partner.builders import NOW, a_content, a_key, a_record, a_world, an_event

WORLD = a_world()
KIND = "skatteverket-folkbokforing"
KIT = WORLD.kits["skatteverket"]
HOUR = timedelta(hours=1)


def key(kid: str, **life: datetime) -> Key:
    return Key(a_key(kid), **life)


def with_receiver(*keys: Key) -> Keys:
    return replace(WORLD.keys, receivers={**WORLD.keys.receivers, KIND: Receiver("skatteverket", keys)})


@pytest.mark.parametrize(
    ("keys", "chosen"),
    [
        ([key(f"{KIND}-2026-1"), key(f"{KIND}-2026-2")], f"{KIND}-2026-2"),
        ([key(f"{KIND}-2026-10"), key(f"{KIND}-2026-9")], f"{KIND}-2026-10"),
        ([key(f"{KIND}-2026-9"), key(f"{KIND}-2027-1")], f"{KIND}-2027-1"),
        ([key(f"{KIND}-2026-1", not_before=NOW - HOUR), key(f"{KIND}-2026-2")], f"{KIND}-2026-1"),
        ([key(f"{KIND}-2026-1"), key(f"{KIND}-2026-2", not_before=NOW + HOUR)], f"{KIND}-2026-1"),
        ([key(f"{KIND}-2026-1"), key(f"{KIND}-2026-2", not_before=NOW)], f"{KIND}-2026-2"),
        ([key(f"{KIND}-2026-1"), key(f"{KIND}-2026-2", expiry=NOW)], f"{KIND}-2026-1"),
        ([key(f"{KIND}-2026-1"), key(f"{KIND}-2026-2", revoked=NOW)], f"{KIND}-2026-1"),
    ],
)
def test_the_newest_key_that_holds_seals(keys: list[Key], chosen: str) -> None:
    event = an_event()

    sealed = seal_event(event, a_content(event), with_receiver(*keys))

    assert jose.addressed_to(json.loads(sealed.value)["data"]) == sealed.kid == chosen


def test_without_a_key_that_holds_nothing_is_sealed_or_signed() -> None:
    event = an_event()

    with pytest.raises(Invalid) as sealing:
        seal_event(event, a_content(event), with_receiver(key(f"{KIND}-2026-1", expiry=NOW), key(f"{KIND}-2026-2", revoked=NOW)))
    with pytest.raises(Invalid) as signing:
        seal_event(event, a_content(event), replace(WORLD.keys, signing=(key("0580-sig-2026-1", expiry=NOW),)))

    assert (sealing.value.reason, signing.value.reason) == ("RECEIVER_KEY_MISSING", "SIGNING_KEY_MISSING")


def test_a_sealed_event_knows_when_the_first_of_its_keys_ends() -> None:
    event = an_event()
    keys = with_receiver(key(f"{KIND}-2026-1", expiry=NOW + 2 * HOUR))
    both = replace(keys, signing=(Key(WORLD.signing, expiry=NOW + HOUR),))

    ends = [seal_event(event, a_content(event), one).usable_until for one in (WORLD.keys, keys, both)]

    assert ends == [None, NOW + 2 * HOUR, NOW + HOUR]


def test_an_event_sealed_again_is_the_same_event_under_the_new_keys() -> None:
    event = an_event(sequence=7)
    content = a_content(event)
    before = seal_event(event, content, WORLD.keys)
    new, signing = key(f"{KIND}-2026-2"), key("0580-sig-2026-2")

    again = seal_again(before.key, before.value, content, KIND, replace(with_receiver(new), signing=(signing,)), NOW)

    old_words, new_words = json.loads(before.value), json.loads(again.value)
    assert old_words.pop("data") != (data := new_words.pop("data"))
    assert new_words == old_words
    assert jose.decrypt(data, new.jwk) == content
    signature = dict(again.headers)["los-signature"]
    assert jose.verify(signature, again.value, {signing.kid: signing.jwk}, NOW) == "0580-sig-2026-2"
    assert (again.key, again.kid, again.signing_kid) == (before.key, new.kid, signing.kid)


def test_a_recall_sealed_again_has_no_fields_and_says_so() -> None:
    event = an_event()
    original = a_content(event, {"subject.full_name": "Alma Demo"})
    recall = seal_event(replace(event, change="recalled"), original, WORLD.keys)

    content = json.loads(content_of(recall.value, original))

    assert content == json.loads(original) | {
        "fields": {},
        "purpose": "Uppgiften är återkallad. Använd den inte och lämna den inte vidare.",
    }
    assert content_of(seal_event(event, original, WORLD.keys).value, original) == original


# --- what comes back -----------------------------------------------------------------------------------------------


def a_receipt(kit: Kit = KIT) -> feedback.Reply:
    event = an_event()
    return feedback.receipt(kit, open_record(a_record(event), KIT, NOW).event, KIND, None, NOW)


def taken_in(reply: feedback.Reply, keys: Keys) -> str:
    try:
        open_reply(reply.topic, reply.key, reply.value, reply.headers, keys, NOW)
    except Invalid as refused:
        return str(refused.reason)
    return "taken"


def lives(*changes: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    return changes


def test_a_reply_signed_with_an_old_key_is_taken_during_the_overlap_and_refused_with_a_reason_after_it() -> None:
    old, new = WORLD.keys.receivers[KIND].keys[0], key(f"{KIND}-2026-2", not_before=NOW)

    answers = [
        taken_in(a_receipt(), with_receiver(replace(old, **life), new))
        for life in lives({}, {"expiry": NOW + HOUR}, {"expiry": NOW}, {"revoked": NOW}, {"expiry": NOW, "revoked": NOW})
    ]

    assert answers == ["taken", "taken", "SIGNATURE_KEY_EXPIRED", "SIGNATURE_KEY_REVOKED", "SIGNATURE_KEY_REVOKED"]
    assert taken_in(a_receipt(), with_receiver(new)) == "SIGNATURE_KEY_UNKNOWN"


def test_a_reply_encrypted_to_an_old_key_of_the_kommun_is_opened_during_the_overlap_and_refused_with_a_reason_after_it() -> None:
    old, new = WORLD.keys.encryption[0], key("0580-enc-2026-2")

    answers = [
        taken_in(a_receipt(), replace(WORLD.keys, encryption=(replace(old, **life), new)))
        for life in lives({"expiry": NOW + HOUR}, {"expiry": NOW}, {"revoked": NOW})
    ]

    assert answers == ["taken", "ENCRYPTION_KEY_EXPIRED", "ENCRYPTION_KEY_REVOKED"]
    assert taken_in(a_receipt(), replace(WORLD.keys, encryption=(new,))) == "ENCRYPTION_KEY_UNKNOWN"


# --- files ---------------------------------------------------------------------------------------------------------


def on_file(folder: Path) -> tuple[Path, Path, Path]:
    signing, encryption, receivers = folder / "signing.jwks", folder / "encryption.jwks", folder / "receivers.jwks"
    key_files.save(signing, [dict(WORLD.signing.as_dict(private=True))])
    key_files.save(encryption, [dict(WORLD.encryption.as_dict(private=True))])
    key_files.save(receivers, [dict(one.as_dict(private=False)) for one in WORLD.private.values()])
    return signing, encryption, receivers


def test_a_changed_file_is_taken_into_use_without_a_restart(tmp_path: Path) -> None:
    *_, receivers = files = on_file(tmp_path)
    keys = KeysOnFile(*files)
    assert keys().receiver_key(KIND, NOW).kid == f"{KIND}-2026-1"

    key_files.save(receivers, [*key_files.read(receivers), *key_files.public([key_files.new(KIND, 2)])])
    assert keys().receiver_key(KIND, NOW).kid == f"{KIND}-2026-2"

    key_files.save(receivers, key_files.revoked(key_files.read(receivers), f"{KIND}-2026-2", NOW))
    assert keys().receiver_key(KIND, NOW).kid == f"{KIND}-2026-1"
    assert keys() is keys()


def test_who_began_to_read_before_a_change_does_not_bring_the_old_keys_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    *_, receivers = files = on_file(tmp_path)
    keys = KeysOnFile(*files)
    load, has_read, go_on = Keys.load, threading.Event(), threading.Event()

    def slowly(*paths: Path) -> Keys:
        found = load(*paths)
        if not has_read.is_set():
            has_read.set()
            assert go_on.wait(20)
        return found

    monkeypatch.setattr(Keys, "load", slowly)
    key_files.save(receivers, [*key_files.read(receivers), *key_files.public([key_files.new(KIND, 2)])])
    first = threading.Thread(target=keys)
    first.start()
    assert has_read.wait(20)
    key_files.save(receivers, key_files.revoked(key_files.read(receivers), f"{KIND}-2026-2", NOW))
    second = threading.Thread(target=keys)
    second.start()
    second.join(0.5)  # it waits for the first, or is done before it
    go_on.set()
    first.join()
    second.join()

    assert keys().receiver_key(KIND, NOW).kid == f"{KIND}-2026-1"


@pytest.mark.parametrize("broken", ["{", "[]", '{"keys": [{"kid": "kronofogden-2026-1"}]}', None])
def test_a_broken_file_leaves_the_keys_as_they_were_and_is_told_once(tmp_path: Path, broken: str | None) -> None:
    *_, receivers = files = on_file(tmp_path)
    keys = KeysOnFile(*files)
    before = keys()
    with capture_logs() as said:
        receivers.unlink()
        if broken is not None:
            receivers.write_text(broken, encoding="ascii")
        assert keys() is before
        assert keys() is before
        on_file(tmp_path)
        assert keys().ends() == before.ends()

    assert [(line["event"], line["log_level"]) for line in said] == [("keys_not_read", "error"), ("keys_read", "info")]


@pytest.mark.parametrize("life", [{"exp": "2026"}, {"exp": True}, {"nbf": 1.5}, {"revoked": True}, {"revoked": {}}])
def test_a_life_that_cannot_be_understood_stops_the_start(tmp_path: Path, life: dict[str, Any]) -> None:
    signing, encryption, receivers = on_file(tmp_path)
    key_files.save(receivers, [key_files.public([key_files.new(KIND)])[0] | life])

    with pytest.raises((ValueError, KeyError, TypeError)):
        Keys.load(signing, encryption, receivers)


def test_two_keys_of_one_name_stop_the_start(tmp_path: Path) -> None:
    signing, encryption, receivers = on_file(tmp_path)
    key_files.save(receivers, key_files.public([key_files.new(KIND), key_files.new(KIND)]))

    with pytest.raises(ValueError, match="same kid"):
        Keys.load(signing, encryption, receivers)
