from typing import Any
from uuid import uuid4

import psycopg
import pytest
from los.sharing.v1 import sharing_pb2
from sqlalchemy import MetaData, func, select

from services.kernel.clock import FixedClock
from services.kernel.db import Database
from services.kernel.errors import Conflict, ConflictReason, NotFound
from services.kernel.records import Requests, audit_table, auditor, enqueue, history_table, outbox_table, record_step, request_table
from services.kernel.vault import Vault
from tests.kernel.conftest import NOW, PERSON

metadata = MetaData()
audit, request, history, outbox = (make(metadata) for make in (audit_table, request_table, history_table, outbox_table))
CLOCK = FixedClock(NOW)


def count(db: Database, table: Any) -> int:  # noqa: ANN401
    with db.transaction() as tx:
        row = tx.one(select(func.count().label("n")).select_from(table))
    assert row is not None
    return int(row.n)


# transactions ---------------------------------------------------------------------------------------------------------


def test_a_transaction_leaves_everything_or_nothing(db: Database) -> None:
    write = auditor(audit, CLOCK)
    with pytest.raises(RuntimeError), db.transaction() as tx:  # noqa: PT012  # leaving it is what raises
        write(tx, "sharing:offer:take", PERSON)
        tx.flush()
        raise RuntimeError
    assert count(db, audit) == 0
    with db.transaction() as tx:
        write(tx, "sharing:offer:take", PERSON)
        write(tx, "sharing:offer:list", PERSON, outcome="refused", reason="DENIED")
    assert count(db, audit) == 2


def test_one_row_that_does_not_fit_takes_the_others_with_it(db: Database) -> None:
    key, event = uuid4(), uuid4()
    with db.transaction() as tx:
        enqueue(tx, outbox, event, key, "offer", NOW)
    with pytest.raises(psycopg.errors.UniqueViolation), db.transaction() as tx:  # noqa: PT012  # leaving it is what raises
        enqueue(tx, outbox, uuid4(), key, "offer", NOW)
        enqueue(tx, outbox, event, key, "offer", NOW)
    assert count(db, outbox) == 1


def test_an_audit_row_says_who_and_what_and_when(db: Database) -> None:
    object_id = uuid4()
    with db.transaction() as tx:
        auditor(audit, CLOCK)(tx, "sharing:offer:take", PERSON, "offer", object_id, state="waiting")
    with db.transaction() as tx:
        row = tx.one(select(audit))
    assert row is not None
    assert (row.occurred_time, row.event, row.outcome, row.person, row.role, row.unit, row.object_id, row.details) == (
        NOW, "sharing:offer:take", "done", PERSON.person, PERSON.role, "IAF", object_id, {"state": "waiting"},
    )  # fmt: skip


def test_the_database_refuses_to_change_the_audit(db: Database) -> None:
    for statement in (audit.update().values(event="x"), audit.delete()):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), db.transaction() as tx:
            tx.execute(statement)


def test_history_holds_every_state_that_was_passed(db: Database) -> None:
    with db.transaction() as tx:
        record_step(tx, history, "offer", uuid4(), 1, (None, "waiting", "decided"), NOW, PERSON.person)
    with db.transaction() as tx:
        steps = [(row.from_state, row.to_state) for row in tx.read(select(history).order_by(history.c.id))]
    assert sorted(steps, key=str) == sorted([(None, "waiting"), ("waiting", "decided")], key=str)


# request ids ----------------------------------------------------------------------------------------------------------


def ask(on: str = "2026-11-23") -> sharing_pb2.ListGroundsRequest:
    return sharing_pb2.ListGroundsRequest(on=on)


def answers(db: Database, vault: Vault) -> Requests:
    return Requests(db, request, vault, CLOCK)


def test_the_same_request_again_has_the_same_answer_and_one_effect(db: Database, vault: Vault) -> None:
    request_id = str(uuid4())

    def act(tx: Any) -> sharing_pb2.OfferRecordResponse:  # noqa: ANN401
        auditor(audit, CLOCK)(tx, "sharing:offer:take", PERSON)
        return sharing_pb2.OfferRecordResponse(offer_id=str(uuid4()))

    first, again = (answers(db, vault).once(PERSON, ask(), request_id, sharing_pb2.OfferRecordResponse, act) for _ in range(2))
    assert first == again
    assert count(db, audit) == 1


def test_a_request_id_with_another_body_is_refused(db: Database, vault: Vault) -> None:
    request_id = str(uuid4())
    response = sharing_pb2.OfferRecordResponse
    answers(db, vault).once(PERSON, ask(), request_id, response, lambda _: response())
    with pytest.raises(Conflict) as told:
        answers(db, vault).once(PERSON, ask("2026-11-24"), request_id, response, lambda _: response())
    assert told.value.reason == ConflictReason.REQUEST_REUSED


def test_a_request_that_failed_may_be_made_again(db: Database, vault: Vault) -> None:
    request_id = str(uuid4())
    response = sharing_pb2.OfferRecordResponse

    def refuse(_: object) -> sharing_pb2.OfferRecordResponse:
        raise NotFound

    with pytest.raises(NotFound):
        answers(db, vault).once(PERSON, ask(), request_id, response, refuse)
    assert answers(db, vault).once(PERSON, ask(), request_id, response, lambda _: response(offer_id="x")).offer_id == "x"


def test_what_has_been_done_is_answered_even_if_it_could_not_be_done_now(db: Database, vault: Vault) -> None:
    request_id = str(uuid4())
    response = sharing_pb2.OfferRecordResponse
    answers(db, vault).once(PERSON, ask(), request_id, response, lambda _: response(offer_id="x"))

    def refuse(_: object) -> sharing_pb2.OfferRecordResponse:
        raise Conflict("läget.")

    assert answers(db, vault).once(PERSON, ask(), request_id, response, refuse).offer_id == "x"


def test_what_is_asked_is_not_readable_in_the_request_table(db: Database, vault: Vault) -> None:
    response = sharing_pb2.OfferRecordResponse
    answers(db, vault).once(PERSON, ask(), str(uuid4()), response, lambda _: response())
    with db.transaction() as tx:
        row = tx.one(select(request))
    assert row is not None
    assert row.body_hash == vault.index("ListGrounds", ask().SerializeToString(deterministic=True).hex())
    assert b"2026" not in row.body_hash
