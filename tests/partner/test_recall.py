"""Recall and correction in the partner's own database, of both kinds."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from partner import inbox as inboxes
from partner import jose
from partner.database import Database
from partner.envelope import Change, Opened, Record, Withdrawal
from partner.feedback import Reply
from partner.inbox import Inbox, RecalledError
from partner.jose import Code
from partner.receiver import Receiver, Verdict
from partner.reference import ReferencePartner, demo_answer
from services.sharing.sealing import Event, Receipt, open_reply
from tests.partner.builders import ENVELOPE, NOW, a_content, a_key, a_record, a_world, an_event

WORLD = a_world()
KIT = WORLD.kits["skatteverket"]
CANARY = "Kanarie Fågelsson"
FIELDS: dict[str, str | list[str]] = {"subject.full_name": CANARY}


@pytest.fixture
def inbox(address: str) -> Iterator[Inbox]:
    inbox = Inbox.open(address)
    yield inbox
    inbox.close()


def a_receiver(inbox: Inbox, told: list[Opened] | None = None) -> Receiver:
    partner = ReferencePartner(KIT, demo_answer("skatteverket"))

    def handler(tx: Database, opened: Opened, now: datetime) -> Sequence[Reply]:
        if told is not None:
            told.append(opened)
        return partner(tx, opened, now)

    return Receiver(KIT, inbox, handler, clock=lambda: NOW)


def the_original(event: Event, offset: int = 0) -> Record:
    return a_record(event, a_content(event, FIELDS), offset=offset)


def a_recall(original: Event, sequence: int = 2, offset: int = 1) -> Record:
    event = replace(original, id=uuid4(), change="recalled", sequence=sequence, expiry_time=NOW + timedelta(days=3650))
    return a_record(event, a_content(event, {}), offset=offset)


def a_correction(original: Event, disclosure_id: UUID, sequence: int = 2, offset: int = 1, replaces: Sequence[str] | None = None) -> Record:
    event = replace(original, id=uuid4(), change="corrected", sequence=sequence, disclosure_id=disclosure_id)
    content = json.loads(a_content(event, {"subject.full_name": "Rätt Namn"}))
    content["replaces"] = [str(original.disclosure_id)] if replaces is None else replaces
    return a_record(event, json.dumps(content).encode(), offset=offset)


def receipts(inbox: Inbox) -> list[tuple[str, str | None]]:
    found = [open_reply(reply.topic, reply.key, reply.value, reply.headers, WORLD.keys, NOW).body for reply in inbox.pending()]
    return [(body.status, body.reason) for body in found if isinstance(body, Receipt)]


def test_what_is_recalled_is_deleted_told_receipted_and_not_handed_out_again(inbox: Inbox) -> None:
    told: list[Opened] = []
    receiver, original = a_receiver(inbox, told), an_event()
    receiver.receive(the_original(original))
    assert inbox.read(str(original.disclosure_id)).fields == {**ENVELOPE, **FIELDS}

    assert receiver.receive(a_recall(original)) is Verdict.HANDLED

    with pytest.raises(RecalledError, match=r"^Uppgiften är återkallad av kommunen\. Den får inte användas eller lämnas vidare\.$"):
        inbox.read(str(original.disclosure_id))
    assert inbox.database.execute("SELECT count(*) FROM record").fetchone() == (0,)
    assert [opened.event.change for opened in told] == [Change.SHARED, Change.RECALLED]
    assert receipts(inbox) == [("received", None), ("received", None)]


def test_a_recall_leaves_nothing_of_the_content_in_the_files(tmp_path: Path) -> None:
    inbox = Inbox.open(tmp_path / "inbox.db")
    receiver, original = a_receiver(inbox), an_event()
    receiver.receive(the_original(original))
    assert any(CANARY.encode() in file.read_bytes() for file in tmp_path.iterdir())

    receiver.receive(a_recall(original))

    assert not any(CANARY.encode() in file.read_bytes() for file in tmp_path.iterdir())
    inbox.close()


def test_a_correction_takes_the_place_of_the_original_which_says_by_what(inbox: Inbox) -> None:
    receiver, original, corrected = a_receiver(inbox), an_event(), uuid4()
    receiver.receive(the_original(original))

    assert receiver.receive(a_correction(original, corrected)) is Verdict.HANDLED

    with pytest.raises(RecalledError, match=f"är ersatt .* Den rättade uppgiften är {corrected}") as refused:
        inbox.read(str(original.disclosure_id))
    assert refused.value.replaced_by == str(corrected)
    assert inbox.read(str(corrected)).fields == {**ENVELOPE, "subject.full_name": "Rätt Namn"}


def test_a_recall_of_something_unknown_is_receipted_and_remembered(inbox: Inbox) -> None:
    receiver, original = a_receiver(inbox), an_event()

    assert receiver.receive(a_recall(original)) is Verdict.HANDLED

    assert receipts(inbox) == [("received", None)]
    assert receiver.receive(the_original(original, offset=2)) is Code.RECALLED
    assert receiver.receive(the_original(replace(original, id=uuid4(), key=uuid4(), sequence=9), offset=3)) is Code.RECALLED
    assert inbox.database.execute("SELECT count(*) FROM record").fetchone() == (0,)


def test_what_was_replaced_has_a_code_of_its_own_and_recalled_is_more(inbox: Inbox) -> None:
    receiver, original = a_receiver(inbox), an_event()
    receiver.receive(a_correction(original, uuid4()))
    again = replace(original, id=uuid4(), sequence=8)
    assert receiver.receive(the_original(again, offset=2)) is Code.REPLACED

    receiver.receive(a_recall(original, sequence=3, offset=3))

    assert receiver.receive(the_original(replace(again, id=uuid4()), offset=4)) is Code.RECALLED
    receiver.receive(a_correction(original, uuid4(), sequence=5, offset=5))
    with pytest.raises(RecalledError, match="återkallad"):
        inbox.read(str(original.disclosure_id))


def test_what_is_withdrawn_further_on_is_receipted_and_never_handed_out(inbox: Inbox) -> None:
    told: list[Opened] = []
    receiver, original = a_receiver(inbox, told), an_event()
    ahead = {str(original.disclosure_id): Withdrawal(str(original.disclosure_id), None)}

    verdicts = [receiver.receive(the_original(original), ahead), receiver.receive(a_recall(original), ahead)]

    assert verdicts == [Verdict.WITHDRAWN, Verdict.HANDLED]
    assert [opened.event.change for opened in told] == [Change.RECALLED]
    assert receipts(inbox) == [("received", None), ("received", None)]
    assert receiver.receive(the_original(original), ahead) is Verdict.DUPLICATE


def test_a_correction_that_is_withdrawn_before_it_was_read_still_withdraws_and_gives_no_content(inbox: Inbox) -> None:
    told: list[Opened] = []
    receiver, original, corrected = a_receiver(inbox, told), an_event(), uuid4()
    receiver.receive(the_original(original))

    verdict = receiver.receive(a_correction(original, corrected), {str(corrected): Withdrawal(str(corrected), None)})

    assert verdict is Verdict.WITHDRAWN
    assert (told[-1].replaces, told[-1].fields) == ((str(original.disclosure_id),), {})
    with pytest.raises(RecalledError):
        inbox.read(str(original.disclosure_id))
    with pytest.raises(KeyError):
        inbox.read(str(corrected))


def test_a_recall_that_the_partners_own_system_fails_with_is_refused_and_holds_all_the_same(inbox: Inbox) -> None:
    original = an_event()
    a_receiver(inbox).receive(the_original(original))

    def failing(*_: object) -> Sequence[Reply]:
        raise RuntimeError

    assert Receiver(KIT, inbox, failing, clock=lambda: NOW).receive(a_recall(original)) is Code.HANDLER_FAILED

    with pytest.raises(RecalledError):
        inbox.read(str(original.disclosure_id))
    assert receipts(inbox) == [("received", None), ("refused", "handler_failed")]


def test_a_recall_with_content_is_refused_and_holds_all_the_same(inbox: Inbox) -> None:
    event = an_event(change="recalled")

    assert a_receiver(inbox).receive(a_record(event, a_content(event, FIELDS))) is Code.CONTENT_MALFORMED
    with pytest.raises(RecalledError):
        inbox.read(str(event.disclosure_id))


def test_a_recall_that_cannot_be_opened_is_refused_and_holds_all_the_same(inbox: Inbox) -> None:
    """It is said outside the encryption, under the kommun's signature; a forged one withdraws nothing."""
    receiver, original = a_receiver(inbox), an_event()
    receiver.receive(the_original(original))
    recall = a_recall(original)
    attributes = json.loads(recall.value or b"") | {"data": jose.encrypt(b"{}", a_key("skatteverket-folkbokforing-2031-1"))}
    value = json.dumps(attributes).encode()
    headers = [recall.headers[0], ("los-signature", jose.sign(value, WORLD.signing))]

    assert receiver.receive(replace(recall, value=value)) is Code.SIGNATURE_INVALID
    assert inbox.read(str(original.disclosure_id)).fields == {**ENVELOPE, **FIELDS}

    assert receiver.receive(replace(recall, value=value, headers=headers)) is Code.ENCRYPTION_KEY_UNKNOWN
    with pytest.raises(RecalledError):
        inbox.read(str(original.disclosure_id))


@pytest.mark.parametrize("replaces", [None, [], "unsorted", "twice", "itself", ["x"], "text"])
def test_a_correction_names_what_it_replaces(address: str, replaces: list[str] | str | None) -> None:
    event, a, b = an_event(change="corrected"), *sorted([str(uuid4()), str(uuid4())])
    wrong = {"unsorted": [b, a], "twice": [a, a], "itself": [str(event.disclosure_id)]}
    content = json.loads(a_content(event)) | {"replaces": wrong.get(replaces, replaces) if isinstance(replaces, str) else replaces}
    inbox = Inbox.open(address)

    assert a_receiver(inbox).receive(a_record(event, json.dumps(content).encode())) is Code.CONTENT_MALFORMED
    inbox.close()


def test_a_shared_event_replaces_nothing(inbox: Inbox) -> None:
    event = an_event()
    content = json.loads(a_content(event)) | {"replaces": [str(uuid4())]}

    assert a_receiver(inbox).receive(a_record(event, json.dumps(content).encode())) is Code.CONTENT_MALFORMED


# --- the numbers of a key ------------------------------------------------------------------------------------------


def test_numbers_that_never_came_are_noted_and_refuse_nothing(inbox: Inbox) -> None:
    receiver, key = a_receiver(inbox), uuid4()

    verdicts = [receiver.receive(a_record(an_event(key=key, sequence=number), offset=number)) for number in (2, 3, 7)]

    assert verdicts == [Verdict.HANDLED] * 3
    assert [(gap.key, gap.first, gap.last) for gap in inbox.gaps()] == [(str(key), 1, 1), (str(key), 4, 6)]
    assert inbox.gaps(after=inbox.gaps()[0].number) == inbox.gaps()[1:]


def test_a_number_that_was_set_aside_is_not_missing(inbox: Inbox) -> None:
    receiver, key = a_receiver(inbox), uuid4()
    receiver.receive(a_record(an_event(key=key, sequence=1)))
    receiver.receive(a_record(an_event(key=key, sequence=2, expiry_time=NOW - timedelta(days=1)), offset=1))

    receiver.receive(a_record(an_event(key=key, sequence=3), offset=2))

    assert inbox.gaps() == []


def test_what_was_set_aside_can_be_taken_again_although_later_ones_have_come(inbox: Inbox) -> None:
    tries, key = 0, uuid4()

    def shaky(tx: Database, opened: Opened, now: datetime) -> Sequence[Reply]:
        nonlocal tries
        tries += 1
        if tries <= 3:
            raise RuntimeError
        inboxes.store(tx, opened, now)
        return []

    receiver = Receiver(KIT, inbox, shaky, clock=lambda: NOW)
    first, second = a_record(an_event(key=key)), a_record(an_event(key=key, sequence=2), offset=1)
    assert [receiver.receive(first), receiver.receive(second)] == [Code.HANDLER_FAILED, Verdict.HANDLED]

    assert receiver.receive(first) is Code.SEQUENCE_REPLAYED
    assert receiver.receive(first, again=True) is Verdict.HANDLED
    assert receiver.receive(first, again=True) is Verdict.DUPLICATE
