"""The partner's keys begin, end and are revoked: what was sealed to an old one opens during the overlap, and is refused by name after."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from infra import key_files
from partner import feedback, jose
from partner.envelope import Record, open_record
from partner.jose import EXPLANATIONS, Code, Refused
from partner.kit import Kit, KitError, keyring
from services.sharing.sealing import Key, Keys, Receiver, open_reply, seal_event
from tests.partner.builders import NOW, a_content, a_record, a_world, an_event

WORLD = a_world()
KIND = "kronofogden"
SECOND = int(NOW.timestamp())
HOUR = 3600
OWN = dict(WORLD.private[KIND].as_dict(private=True))
KOMMUN = [dict(WORLD.signing.as_dict(private=False)), dict(WORLD.encryption.as_dict(private=False))]
NEW = key_files.new(KIND, 2, begins=NOW)
ENDED = {"exp": SECOND}
REVOKED = {"revoked": {"revoked_at": SECOND}}
OVERLAP = {"exp": SECOND + HOUR}


def a_kit(private: list[dict[str, Any]], kommun: list[dict[str, Any]] | None = None) -> Kit:
    return replace(WORLD.kits[KIND], keys=keyring(private, KOMMUN if kommun is None else kommun, (KIND,)))


def outcome(kit: Kit, keys: Keys = WORLD.keys) -> Code | str:
    """What a partner with this kit makes of an event that the kommun seals with these keys."""
    event = an_event(receiver_kind=KIND)
    sealed = seal_event(event, a_content(event), keys)
    try:
        opened = open_record(Record(kit.share_topic, 0, 0, sealed.key, sealed.value, sealed.headers), kit, NOW)
    except Refused as refusal:
        return refusal.code
    return opened.receiver_kind


@pytest.mark.parametrize(
    ("life", "expected"),
    [
        ({}, KIND),
        (OVERLAP, KIND),
        ({"nbf": SECOND + HOUR}, KIND),
        (ENDED, Code.ENCRYPTION_KEY_EXPIRED),
        (REVOKED, Code.ENCRYPTION_KEY_REVOKED),
        (ENDED | REVOKED, Code.ENCRYPTION_KEY_REVOKED),
    ],
)
def test_what_was_sealed_to_an_old_key_opens_until_it_ends_or_is_revoked(life: dict[str, Any], expected: Code | str) -> None:
    assert outcome(a_kit([OWN | life, NEW])) == expected
    assert outcome(a_kit([NEW])) == Code.ENCRYPTION_KEY_UNKNOWN


@pytest.mark.parametrize(
    ("life", "expected"),
    [(OVERLAP, KIND), (ENDED, Code.SIGNATURE_KEY_EXPIRED), (REVOKED, Code.SIGNATURE_KEY_REVOKED)],
)
def test_what_the_kommun_signed_with_an_old_key_is_taken_until_it_ends_or_is_revoked(life: dict[str, Any], expected: Code | str) -> None:
    [new] = key_files.public([key_files.new("0580-sig", 2, "sig")])
    assert outcome(a_kit([OWN], [KOMMUN[0] | life, new, KOMMUN[1]])) == expected
    assert outcome(a_kit([OWN], [new, KOMMUN[1]])) == Code.SIGNATURE_KEY_UNKNOWN


def test_both_sides_change_keys_side_by_side_and_nothing_is_refused() -> None:
    """Old and new keys of both sides, in every combination that an overlap has."""
    signing, encryption = key_files.new("0580-sig", 2, "sig"), key_files.new("0580-enc", 2, "enc")
    [public] = key_files.public([NEW])
    kit = a_kit([OWN | OVERLAP, NEW], [*[key | OVERLAP for key in KOMMUN], *key_files.public([signing, encryption])])
    for sealing in (OWN, public):
        for own in (dict(WORLD.signing.as_dict(private=True)), signing):
            plain = {name: value for name, value in sealing.items() if name != "d"}
            keys = Keys(
                (Key.read(own, private=True),),
                (Key(WORLD.encryption), Key.read(encryption, private=True)),
                {KIND: Receiver(KIND, (Key.read(plain, private=False),))},
            )
            assert outcome(kit, keys) == KIND


def test_an_answer_is_signed_and_encrypted_with_the_newest_keys_that_hold() -> None:
    encryption = key_files.new("0580-enc", 2, "enc")
    event = open_record(a_record(an_event(receiver_kind=KIND)), WORLD.kits[KIND], NOW).event
    keys = replace(
        WORLD.keys,
        encryption=(*WORLD.keys.encryption, Key.read(encryption, private=True)),
        receivers={KIND: Receiver(KIND, (Key.read(key_files.public([NEW])[0], private=False),))},
    )

    reply = feedback.receipt(a_kit([OWN, NEW], [*KOMMUN, *key_files.public([encryption])]), event, KIND, None, NOW)

    assert open_reply(reply.topic, reply.key, reply.value, reply.headers, keys, NOW).agency == KIND
    assert jose.protected_header(reply.signature, Code.SIGNATURE_FORM)["kid"] == NEW["kid"]
    early = feedback.receipt(a_kit([OWN, NEW | {"nbf": SECOND + HOUR}]), event, KIND, None, NOW)
    assert jose.protected_header(early.signature, Code.SIGNATURE_FORM)["kid"] == OWN["kid"]


@pytest.mark.parametrize(("life", "name"), [(ENDED, "private.jwks"), (REVOKED, "private.jwks"), ({"nbf": SECOND + HOUR}, "private.jwks")])
def test_without_a_key_that_holds_nothing_is_answered_and_it_is_said_why(life: dict[str, Any], name: str) -> None:
    event = open_record(a_record(an_event(receiver_kind=KIND)), WORLD.kits[KIND], NOW).event

    with pytest.raises(KitError, match=f"^{name}: ingen nyckel för {KIND} gäller nu"):
        feedback.receipt(a_kit([OWN | life]), event, KIND, None, NOW)


@pytest.mark.parametrize("life", [{"exp": "2027"}, {"nbf": True}, {"revoked": True}, {"revoked": {"revoked_at": "nu"}}, {"exp": 1.5}])
def test_a_life_that_cannot_be_understood_makes_the_folder_unusable(life: dict[str, Any]) -> None:
    with pytest.raises(KitError, match=r"private\.jwks: "):
        a_kit([OWN | life])


def test_two_keys_of_one_name_make_the_folder_unusable() -> None:
    with pytest.raises(KitError, match="två har samma"):
        a_kit([OWN, OWN])


def test_every_refusal_of_a_key_has_words_of_its_own() -> None:
    codes = [code for code in Code if "_key_" in code.value]
    assert {code.value.rsplit("_", 1)[1] for code in codes} >= {"unknown", "expired", "revoked"}
    assert len({EXPLANATIONS[code] for code in codes}) == len(codes)


def test_a_key_ends_at_its_very_second() -> None:
    kit = a_kit([OWN | {"exp": SECOND + 1}])
    key = kit.keys.private[str(OWN["kid"])]
    assert [jose.ended(key, NOW + timedelta(seconds=seconds)) for seconds in (0, 1)] == [None, "expired"]
