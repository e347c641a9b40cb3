from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from partner import inbox as inboxes
from partner.database import Database, DatabaseProblem
from partner.envelope import Opened
from partner.feedback import InvitationAnswer, Reply, Role
from partner.inbox import DEAD_LETTERS_MAX, DeadLettersFullError, Inbox
from partner.jose import Code
from partner.receiver import HANDLER_ATTEMPTS_MAX, Receiver, Verdict
from partner.reference import ReferencePartner, demo_answer
from partner.samples import samples
from services.sharing.sealing import Event, InvitationAnswered, Receipt, open_reply
from services.sharing.sealing import Reply as Taken
from tests.partner.builders import AGENCY_OF, NOW, a_content, a_record, a_world, an_event

WORLD = a_world()
KIT = WORLD.kits["skatteverket"]


@pytest.fixture
def inbox(address: str) -> Iterator[Inbox]:
    inbox = Inbox.open(address)
    yield inbox
    inbox.close()


def a_receiver(inbox: Inbox, agency: str = "skatteverket") -> Receiver:
    kit = WORLD.kits[agency]
    return Receiver(kit, inbox, ReferencePartner(kit, demo_answer(agency)), clock=lambda: NOW)


def kept(inbox: Inbox) -> list[str]:
    return [event_id for (event_id,) in inbox.database.execute("SELECT event_id FROM record ORDER BY sequence")]


def set_aside(inbox: Inbox) -> list[str]:
    return [letter.code for letter in inbox.dead_letters()]


def answers(inbox: Inbox) -> list[Taken]:
    return [open_reply(reply.topic, reply.key, reply.value, reply.headers, WORLD.keys, NOW) for reply in inbox.pending()]


def an_invitation(agency: str, **fields: str) -> Event:
    kind = next(kind for kind, owner in reversed(AGENCY_OF.items()) if owner == agency)
    return an_event(record_kind="control_invitation", receiver_kind=kind, **fields)


def test_every_sample_record_is_handled_or_refused_as_it_should(inbox: Inbox) -> None:
    kit, table = samples(KIT, NOW)
    receiver = Receiver(kit, inbox, ReferencePartner(kit, demo_answer(kit.agency)), clock=lambda: NOW)

    found = {sample.name: receiver.receive(replace(sample.record, offset=at)) for at, sample in enumerate(table)}

    assert found == {sample.name: sample.expected for sample in table}


def test_a_record_is_kept_once_and_answered_once_however_often_it_comes(inbox: Inbox) -> None:
    receiver, event = a_receiver(inbox), an_event()
    record = a_record(event)

    verdicts = [receiver.receive(record), receiver.receive(replace(record, offset=9)), receiver.receive(a_record(event))]

    assert verdicts == [Verdict.HANDLED, Verdict.DUPLICATE, Verdict.DUPLICATE]
    assert kept(inbox) == [str(event.id)]
    (answer,) = answers(inbox)
    assert isinstance(answer.body, Receipt)
    assert (answer.body.status, answer.body.event_id) == ("received", event.id)


def test_an_older_event_of_a_key_is_refused_once_a_later_one_has_been_handled(inbox: Inbox) -> None:
    receiver, key = a_receiver(inbox), uuid4()
    second, third = an_event(key=key, sequence=2), an_event(key=key, sequence=3)

    assert receiver.receive(a_record(third)) is Verdict.HANDLED
    assert receiver.receive(a_record(second, offset=1)) is Code.SEQUENCE_REPLAYED
    assert receiver.receive(a_record(an_event(key=key, sequence=3), offset=2)) is Code.SEQUENCE_REPLAYED
    assert receiver.receive(a_record(an_event(sequence=1))) is Verdict.HANDLED
    assert receiver.receive(a_record(an_event(key=key, sequence=4))) is Verdict.HANDLED


def test_a_gap_in_the_numbers_stops_nothing_and_what_came_before_it_is_not_handed_out_again(inbox: Inbox) -> None:
    receiver, key = a_receiver(inbox), uuid4()
    first, fifth = an_event(key=key, sequence=1), an_event(key=key, sequence=5)

    verdicts = [receiver.receive(a_record(event)) for event in (first, fifth, first, fifth)]

    assert verdicts == [Verdict.HANDLED, Verdict.HANDLED, Verdict.DUPLICATE, Verdict.DUPLICATE]
    assert kept(inbox) == [str(first.id), str(fifth.id)]


def test_what_was_taken_in_time_and_comes_again_after_its_expiry_is_known_and_not_refused(inbox: Inbox) -> None:
    record = a_record(an_event(expiry_time=NOW + timedelta(days=14)))
    a_receiver(inbox).receive(record)

    later = replace(a_receiver(inbox), clock=lambda: NOW + timedelta(days=15))

    assert later.receive(record) is Verdict.DUPLICATE
    assert set_aside(inbox) == []
    assert len(inbox.pending()) == 1


def test_a_forged_record_is_set_aside_and_answered_by_silence(inbox: Inbox) -> None:
    record = a_record(an_event())

    assert a_receiver(inbox).receive(replace(record, value=(record.value or b"") + b" ")) is Code.SIGNATURE_INVALID
    assert set_aside(inbox) == ["signature_invalid"]
    assert answers(inbox) == []


def test_an_authentic_record_that_is_refused_is_told_to_the_kommun_with_its_code(inbox: Inbox) -> None:
    event = an_event(expiry_time=NOW - timedelta(hours=1))

    assert a_receiver(inbox).receive(a_record(event)) is Code.EXPIRED

    (answer,) = answers(inbox)
    assert isinstance(answer.body, Receipt)
    assert (answer.body.status, answer.body.reason) == ("refused", "expired")
    assert answer.body.event_id == event.id
    assert kept(inbox) == []


def test_a_record_for_another_agency_is_not_answered_in_its_name(inbox: Inbox) -> None:
    record = a_record(an_event(receiver_kind="kronofogden"), topic=KIT.share_topic)

    assert a_receiver(inbox).receive(record) is Code.ENCRYPTION_KEY_UNKNOWN
    assert answers(inbox) == []


def test_a_handler_that_fails_leaves_nothing_behind_and_lets_the_next_record_come(inbox: Inbox) -> None:
    tries = 0

    def failing(tx: Database, opened: Opened, now: datetime) -> Sequence[Reply]:
        nonlocal tries
        tries += 1
        inboxes.store(tx, opened, now)
        raise RuntimeError

    failed = Receiver(KIT, inbox, failing, clock=lambda: NOW).receive(a_record(an_event()))

    assert failed is Code.HANDLER_FAILED
    assert tries == HANDLER_ATTEMPTS_MAX
    assert kept(inbox) == []
    assert set_aside(inbox) == ["handler_failed"]
    assert a_receiver(inbox).receive(a_record(an_event(), offset=1)) is Verdict.HANDLED


def test_a_handler_that_fails_once_is_tried_again(inbox: Inbox) -> None:
    partner, tries = ReferencePartner(KIT, demo_answer("skatteverket")), 0

    def shaky(tx: Database, opened: Opened, now: datetime) -> Sequence[Reply]:
        nonlocal tries
        tries += 1
        answers = partner(tx, opened, now)
        if tries == 1:
            raise RuntimeError
        return answers

    assert Receiver(KIT, inbox, shaky, clock=lambda: NOW).receive(a_record(an_event())) is Verdict.HANDLED
    assert len(kept(inbox)) == len(inbox.pending()) == 1


def test_a_database_that_fails_is_not_the_records_fault(inbox: Inbox) -> None:
    def lost(tx: Database, opened: Opened, now: datetime) -> Sequence[Reply]:
        inboxes.store(tx, opened, now)
        raise tx.driver.OperationalError("disk full")

    with pytest.raises(DatabaseProblem):
        Receiver(KIT, inbox, lost, clock=lambda: NOW).receive(a_record(an_event()))

    assert set_aside(inbox) == []
    assert inbox.database.execute("SELECT count(*) FROM handled").fetchone() == (0,)


def test_a_row_that_the_partners_own_tables_refuse_is_the_handlers_failure(inbox: Inbox) -> None:
    inbox.database.execute("CREATE TABLE own (authority TEXT CHECK (authority <> 'Linköpings kommun'))")

    def strict(tx: Database, opened: Opened, _: datetime) -> Sequence[Reply]:
        tx.execute("INSERT INTO own VALUES (?)", (opened.fields["sender.authority"],))
        return []

    assert Receiver(KIT, inbox, strict, clock=lambda: NOW).receive(a_record(an_event())) is Code.HANDLER_FAILED
    assert a_receiver(inbox).receive(a_record(an_event(), offset=1)) is Verdict.HANDLED


def test_too_many_refused_records_stop_the_partner(inbox: Inbox) -> None:
    receiver, record = a_receiver(inbox), a_record(an_event(), topic="los.share.kronofogden.v1")
    for offset in range(DEAD_LETTERS_MAX):
        receiver.receive(replace(record, offset=offset))

    with pytest.raises(DeadLettersFullError):
        receiver.receive(replace(record, offset=DEAD_LETTERS_MAX))

    assert len(set_aside(inbox)) == DEAD_LETTERS_MAX


def test_answers_wait_in_order_until_each_is_acknowledged_and_survive_a_restart(address: str) -> None:
    inbox = Inbox.open(address)
    for _ in range(3):
        a_receiver(inbox).receive(a_record(an_event()))
    before = inbox.pending()
    inbox.close()

    inbox = Inbox.open(address)
    assert inbox.pending() == before
    inbox.acknowledged(before[0].id)
    assert inbox.pending() == before[1:]
    inbox.close()


def test_a_file_can_be_read_by_its_owner_alone(tmp_path: Path) -> None:
    Inbox.open(tmp_path / "inbox.db").close()

    assert [file.stat().st_mode & 0o077 for file in tmp_path.iterdir()] == [0]


@pytest.mark.parametrize(
    ("agency", "role", "ground"),
    [
        ("polisen", "on_site", "polis"),
        ("skatteverket", "on_site", "skv-kontrollbesok-personalliggare"),
        ("kronofogden", "on_site", "kfm-forrattning"),
        ("forsakringskassan", "planning_only", None),
    ],
)
def test_an_invitation_is_answered_as_the_demonstration_says(inbox: Inbox, agency: str, role: str, ground: str | None) -> None:
    event = an_invitation(agency)
    fields: dict[str, str | list[str]] = {"control.reference": "VK-2026-1", "control.window_start": "2026-12-01"}

    a_receiver(inbox, agency).receive(a_record(event, a_content(event, fields)))

    receipt, answer = answers(inbox)
    assert isinstance(receipt.body, Receipt)
    assert isinstance(answer.body, InvitationAnswered)
    assert (answer.body.answer, answer.body.role, answer.body.control_ground_id) == ("accepted", role, ground)
    assert answer.body.control_reference == "VK-2026-1"


def test_an_invitation_can_be_declined(inbox: Inbox) -> None:
    event = an_invitation("polisen")
    partner = ReferencePartner(WORLD.kits["polisen"], InvitationAnswer(None, None, "los@polisen.example"))

    Receiver(WORLD.kits["polisen"], inbox, partner, clock=lambda: NOW).receive(
        a_record(event, a_content(event, {"control.reference": "VK-2026-1"}))
    )

    body = answers(inbox)[1].body
    assert isinstance(body, InvitationAnswered)
    assert (body.answer, body.role, body.control_ground_id) == ("declined", None, None)


def test_the_plan_is_receipted_and_nothing_more(inbox: Inbox) -> None:
    event = an_invitation("kronofogden")
    fields: dict[str, str | list[str]] = {"control.reference": "VK-2026-1", "control.object_address": "Storgatan 1"}

    a_receiver(inbox, "kronofogden").receive(a_record(event, a_content(event, fields)))

    assert [type(answer.body) for answer in answers(inbox)] == [Receipt]


def test_an_agency_outside_the_demonstration_says_no() -> None:
    assert demo_answer("csn").role is None
    assert demo_answer("polisen").role is Role.ON_SITE
