import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import MetaData, func, select

from services.kernel.db import Database
from services.kernel.ids import new_id
from services.kernel.outbox import Outbox, Outcome
from services.kernel.records import BUCKETS, enqueue, outbox_table
from tests.kernel.conftest import NOW

outbox = outbox_table(MetaData())
WAIT_S = 30
# Another copy, until it is killed: it writes each row it was given, and says nothing of it before that is on disk.
COPY = """
import sys, time
from services.kernel.outbox import Outbox, Outcome
def deliver(rows):
    for row in rows:
        print(row.key, row.payload["number"], flush=True)
        time.sleep(0.002)
        yield row.seq, Outcome.DONE
Outbox(sys.argv[1], deliver, batch_max=20).run()
"""


def count(db: Database) -> int:
    with db.transaction() as tx:
        row = tx.one(select(func.count().label("n")).select_from(outbox))
    assert row is not None
    return int(row.n)


def promise(db: Database, *keys: UUID, number: int = 0) -> list[UUID]:
    """One row for each key, in this order."""
    events = [new_id() for _ in keys]
    with db.transaction() as tx:
        for event, key in zip(events, keys, strict=True):
            enqueue(tx, outbox, event, key, "offer", NOW, number=number)
    return events


def due(db: Database) -> None:
    """What was delayed is due now."""
    with db.transaction() as tx:
        tx.write(outbox.update().values(next_time=NOW))


def waits(db: Database) -> list[float]:
    """How long each row still has to wait, in order."""
    with db.transaction() as tx:
        statement = select(func.extract("epoch", outbox.c.next_time - func.now()).label("wait")).order_by(outbox.c.seq)
        return [float(row.wait) for row in tx.read(statement)]


def every(outcome: Outcome) -> Callable[[Sequence[Any]], Iterable[tuple[int, Outcome]]]:
    return lambda rows: [(row.seq, outcome) for row in rows]


def eventually(what: str, done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not done():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


@contextmanager
def running(*outboxes: Outbox) -> Iterator[None]:
    threads = [threading.Thread(target=one.run) for one in outboxes]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for one in outboxes:
            one.stop()
        for thread in threads:
            thread.join()


# rows -----------------------------------------------------------------------------------------------------------------


def test_rows_go_in_order_one_of_each_key_at_a_time_and_are_deleted_when_accepted(db: Database) -> None:
    key = uuid4()
    events = promise(db, key, uuid4(), key, key)
    rounds: list[list[UUID]] = []

    def deliver(rows: Sequence[Any]) -> Iterable[tuple[int, Outcome]]:
        rounds.append([row.event_id for row in rows])
        return [(row.seq, Outcome.DONE) for row in rows]

    sending = Outbox(db.conninfo, deliver)
    assert sending.run_once() == 4
    sending.close()
    assert rounds == [events[:2], [events[2]], [events[3]]]
    assert count(db) == 0


@pytest.mark.parametrize("outcome", [Outcome.AWAY, Outcome.REFUSED])
def test_a_row_that_fails_holds_up_its_own_key_and_no_other(db: Database, outcome: Outcome) -> None:
    slow, quick = uuid4(), uuid4()
    promise(db, slow, slow, quick)
    sending = Outbox(db.conninfo, lambda rows: [(row.seq, Outcome.DONE if row.key == quick else outcome) for row in rows])
    assert sending.run_once() == 1
    assert sending.run_once() == 0  # the first of its key waits a second, and the second waits behind it
    sending.close()
    with db.transaction() as tx:
        assert [(row.key, row.attempts) for row in tx.read(select(outbox).order_by(outbox.c.seq))] == [(slow, 1), (slow, 0)]


@pytest.mark.parametrize(("outcome", "longest"), [(Outcome.AWAY, 60), (Outcome.REFUSED, 3600)])
def test_a_row_waits_twice_as_long_each_time_and_never_long_for_a_side_that_was_away(db: Database, outcome: Outcome, longest: int) -> None:
    promise(db, uuid4())
    sending = Outbox(db.conninfo, every(outcome))
    found = []
    for _ in range(14):
        sending.run_once()
        found += waits(db)
        due(db)
    sending.close()
    assert found == pytest.approx([min(2**n, longest) for n in range(14)], abs=0.9)


def test_a_row_of_which_nothing_is_said_counts_as_refused(db: Database) -> None:
    promise(db, uuid4())
    sending = Outbox(db.conninfo, lambda _: [])
    assert sending.run_once() == 0
    sending.close()
    assert waits(db)[0] > 0


def test_while_the_other_side_is_known_to_be_away_nothing_counts_as_tried(db: Database) -> None:
    promise(db, uuid4())
    sending = Outbox(db.conninfo, every(Outcome.DONE), ready=lambda: False)
    assert sending.run_once() == 0
    sending.close()
    with db.transaction() as tx:
        assert [row.attempts for row in tx.read(select(outbox))] == [0]


def test_a_crash_before_the_delete_delivers_the_same_rows_again(db: Database) -> None:
    events = promise(db, uuid4(), uuid4())
    seen: list[UUID] = []

    def crash(rows: Sequence[Any]) -> Iterable[tuple[int, Outcome]]:
        seen.extend(row.event_id for row in rows)
        raise SystemExit

    dying = Outbox(db.conninfo, crash)
    with pytest.raises(SystemExit):
        dying.run_once()
    dying.close()

    def deliver(rows: Sequence[Any]) -> Iterable[tuple[int, Outcome]]:
        seen.extend(row.event_id for row in rows)
        return [(row.seq, Outcome.DONE) for row in rows]

    again = Outbox(db.conninfo, deliver)
    assert again.run_once() == 2
    again.close()
    assert sorted(seen) == sorted(events * 2)


def test_the_loop_hears_of_a_new_row_when_it_is_committed(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.kernel.outbox.IDLE_WAIT_S", 3 * WAIT_S)
    done = threading.Event()
    turns = threading.Semaphore(0)

    def deliver(rows: Sequence[Any]) -> Iterable[tuple[int, Outcome]]:
        done.set()
        return [(row.seq, Outcome.DONE) for row in rows]

    def ready() -> bool:
        turns.release()
        return True

    sending = Outbox(db.conninfo, deliver, ready=ready)
    with running(sending):
        turns.acquire()  # it has looked, or is looking, and found nothing
        promise(db, uuid4())
        assert done.wait(WAIT_S)
        eventually("the row is not deleted", lambda: count(db) == 0)
        sending.stop()
        promise(db, uuid4())  # wakes it, so that it sees that it has been stopped


# several side by side -------------------------------------------------------------------------------------------------


def test_two_loops_divide_the_buckets_between_rounds_and_never_hold_the_same(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.kernel.outbox.SHARE_EVERY_S", 0)
    first, second, third = (Outbox(db.conninfo, every(Outcome.DONE)) for _ in range(3))
    first.run_once()
    assert len(first.buckets) == BUCKETS
    second.run_once()
    assert second.buckets == []  # the first has not had a round since
    first.run_once()
    second.run_once()
    assert (len(first.buckets), len(second.buckets)) == (32, 32)
    for one in (third, first, second, third):
        one.run_once()
    assert sorted(first.buckets + second.buckets + third.buckets) == list(range(BUCKETS))
    assert {len(one.buckets) for one in (first, second, third)} == {22, 20}
    first.close()

    def all_taken() -> bool:
        second.run_once()
        third.run_once()
        return len(second.buckets + third.buckets) == BUCKETS

    eventually("the session is still there", all_taken)
    second.close()
    third.close()


def test_a_bucket_whose_rows_are_under_way_is_not_given_back(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.kernel.outbox.SHARE_EVERY_S", 0)
    promise(db, *(uuid4() for _ in range(20)))
    second = Outbox(db.conninfo, every(Outcome.DONE))
    taken: list[int] = []

    def while_under_way(rows: Sequence[Any]) -> Iterable[tuple[int, Outcome]]:
        taken.append(second.run_once())
        return [(row.seq, Outcome.DONE) for row in rows]

    first = Outbox(db.conninfo, while_under_way)
    assert first.run_once() == 20
    assert taken == [0]
    assert second.buckets == []
    first.close()
    second.close()


class Taken:
    """What the copies were given, in the order in which each was."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, int, str]] = []

    def note(self, line: str, who: str) -> None:
        key, number = line.split()
        self.rows.append((key, int(number), who))

    def deliver(self, rows: Sequence[Any]) -> Iterable[tuple[int, Outcome]]:
        for row in rows:
            self.note(f"{row.key} {row.payload['number']}", "here")
            time.sleep(0.002)  # the pace of another side
            yield row.seq, Outcome.DONE

    def listen(self, copy: subprocess.Popen[str]) -> None:
        assert copy.stdout is not None
        with copy.stdout:
            for line in copy.stdout:
                if line.endswith("\n"):
                    self.note(line, "copy")

    def by(self, who: str) -> int:
        return sum(one == who for _, _, one in self.rows)


def test_order_holds_for_each_key_while_copies_come_and_are_killed(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.kernel.outbox.SHARE_EVERY_S", 0.1)
    keys = [uuid4() for _ in range(60)]
    taken, number = Taken(), 0
    with running(Outbox(db.conninfo, taken.deliver, batch_max=20)):
        for _ in range(3):
            with subprocess.Popen([sys.executable, "-c", COPY, db.conninfo], stdout=subprocess.PIPE, text=True) as copy:
                listener = threading.Thread(target=taken.listen, args=[copy])
                listener.start()
                here, there = taken.by("here"), taken.by("copy")
                deadline = time.monotonic() + WAIT_S
                while taken.by("here") == here or taken.by("copy") < there + 100:  # both have their part
                    assert time.monotonic() < deadline
                    promise(db, *keys, number=number)
                    number += 1
                    eventually("nothing goes", lambda: count(db) < 100)
                promise(db, *keys, number=number)
                number += 1
                copy.kill()
                listener.join()
        eventually("rows are left", lambda: count(db) == 0)  # the first has taken all over
    for key in map(str, keys):
        numbers = [one for of, one, _ in taken.rows if of == key]
        assert list(dict.fromkeys(numbers)) == list(range(number)), key
        assert len(numbers) <= number + 3  # what was under way when a copy was killed is repeated


def test_a_database_that_hangs_up_is_waited_for(db: Database, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.kernel.outbox.BROKEN_WAIT_S", 0.05)
    seen: list[int] = []

    def deliver(rows: Sequence[Any]) -> Iterable[tuple[int, Outcome]]:
        seen.extend(row.seq for row in rows)
        return [(row.seq, Outcome.DONE) for row in rows]

    with running(Outbox(db.conninfo, deliver)):
        promise(db, uuid4())
        eventually("nothing came", lambda: len(seen) == 1)
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name LIKE 'los-outbox.%' AND datname = current_database()"
            )
        promise(db, uuid4())
        eventually("nothing came after the hang-up", lambda: len(seen) == 2)
