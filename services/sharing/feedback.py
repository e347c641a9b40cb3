"""From Kafka back to the record: what the agencies answer or tell, and the word of it to the service that owns the record.

An answer is verified, then noted once in one transaction; the offset is committed after that. What cannot be verified is noted with a
code, never with its content, and the reading goes on.
"""

import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from itertools import chain
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import grpc
import psycopg
from kafka import KafkaConsumer
from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2, controls_pb2_grpc
from los.registry.v1 import registry_pb2, registry_pb2_grpc
from sqlalchemy import select

from services.kernel.clock import Clock, timestamp
from services.kernel.config import Kafka
from services.kernel.db import Database, Transaction
from services.kernel.errors import Invalid
from services.kernel.log import log, place_of
from services.kernel.offering import told_in_order
from services.kernel.outbox import Outcome
from services.kernel.rpc import DEADLINE_S
from services.sharing.domain import CORRECTING, OWNERS, Status
from services.sharing.intake import take_in
from services.sharing.legal import law
from services.sharing.sealing import InvitationAnswered, KeySource, Notice, NoticeWithdrawn, Receipt, Reply, open_reply
from services.sharing.sealing import Outcome as AgencyOutcome
from services.sharing.store import Store, tables
from services.sharing.wire import OUTCOME_STATUS

GROUP = "sharing.feedback"
POLL_MS = 500
METADATA_MAX_AGE_MS = 5_000
SESSION_TIMEOUT_MS = 6_000  # how long answers wait when the process that read them has died
BROKEN_WAIT_S = 1.0
UNREADABLE = "UNREADABLE"
INVITATION = "control_invitation"
STATUS = {
    "received": Status.RECEIVED,
    "refused": Status.REFUSED_BY_RECEIVER,
    "opened": Status.OPENED,
    "no_action": Status.NO_ACTION,
    "action": Status.ACTION,
    "closed": Status.CLOSED,
}
# What the receipt of a recall, and that of a correction, say of what is recalled or corrected.
RECALL = {Status.RECEIVED: Status.RECALL_CONFIRMED, Status.REFUSED_BY_RECEIVER: Status.RECALL_REFUSED}
CORRECTION = {Status.RECEIVED: Status.CORRECTION_CONFIRMED, Status.REFUSED_BY_RECEIVER: Status.CORRECTION_REFUSED}
ANSWERS = {"accepted": common_pb2.INVITATION_ANSWER_ACCEPTED, "declined": common_pb2.INVITATION_ANSWER_DECLINED}
ROLES = {
    "on_site": common_pb2.PARTICIPATION_ROLE_ON_SITE,
    "planning_only": common_pb2.PARTICIPATION_ROLE_PLANNING_ONLY,
    "follow_up_only": common_pb2.PARTICIPATION_ROLE_FOLLOW_UP_ONLY,
}


def consumer(config: Kafka, topic: str) -> KafkaConsumer:
    """A consumer that commits by hand, from the beginning for a group that has read nothing. Each topic has a group of its own."""
    reader = KafkaConsumer(
        **config.client(),
        group_id=f"{GROUP}.{topic}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=SESSION_TIMEOUT_MS,
        heartbeat_interval_ms=SESSION_TIMEOUT_MS // 3,
        metadata_max_age_ms=METADATA_MAX_AGE_MS,
        client_id="sharing",
    )
    reader.partitions_for_topic(topic)  # kafka-python joins a group whether or not it knows the topic yet, and then has nothing to read
    reader.subscribe([topic])
    return reader


class Feedback:
    """Reads the reply topics until stopped."""

    def __init__(self, database: Database, store: Store, keys: KeySource, config: Kafka, topics: Sequence[str], clock: Clock) -> None:
        """`topics` are the agencies' reply topics."""
        self._database = database
        self._store = store
        self._keys = keys
        self._config = config
        self._topics = topics
        self._clock = clock
        self._stop = threading.Event()

    def run(self) -> None:
        """Read every topic until stopped, each in a thread of its own.

        A batch that kafka-python cannot take apart, such as one in a compression that we lack, is never passed: it stops its own agency's
        answers until somebody has acted, and no other agency's.
        """
        with ThreadPoolExecutor(len(self._topics)) as readers:
            list(readers.map(self._read, self._topics))

    def _read(self, topic: str) -> None:
        """Read, note, commit the offset; a broker or a database that is away is waited for."""
        while not self._stop.is_set():
            try:
                with closing(consumer(self._config, topic)) as reader:
                    while not self._stop.is_set():
                        polled = reader.poll(timeout_ms=POLL_MS)
                        for record in chain.from_iterable(polled.values()):
                            self.take(record)
                        if polled:  # a commit covers every partition polled, so it comes when all of them are noted
                            reader.commit()
            except Exception as error:  # noqa: BLE001  # answers are waited for, whatever fails
                log.error("feedback_round_failed", topic=topic, error=type(error).__name__, place=place_of(error))
                self._stop.wait(BROKEN_WAIT_S)

    def stop(self) -> None:
        """End after the round that is under way."""
        self._stop.set()

    def take(self, record: Any) -> None:  # noqa: ANN401  # kafka-python has no types
        """Note one record of a reply topic. Raises psycopg.Error when the database is away, and nothing for what an agency wrote."""
        now = self._clock.now()
        try:
            with self._database.transaction() as tx:
                self._note(tx, open_reply(record.topic, record.key, record.value, record.headers, self._keys(), now), now)
        except Invalid as refused:
            self._refuse(record, refused.reason, now)
        except Exception as error:
            if isinstance(error, psycopg.Error) and not isinstance(error, psycopg.DataError):
                raise  # the database's own trouble, which passes: a value that it will not store is the agency's
            log.error("reply_unreadable", error=type(error).__name__, place=place_of(error))
            self._refuse(record, UNREADABLE, now)

    def _refuse(self, record: Any, code: str, now: datetime) -> None:  # noqa: ANN401  # as above
        """Note that a record was refused, once, under an id that follows from its place."""
        reply_id = uuid5(NAMESPACE_URL, f"{record.topic}/{record.partition}/{record.offset}")
        log.warning("reply_refused", topic=record.topic, code=code)
        with self._database.transaction() as tx:
            if not self._store.is_known_reply(tx, record.topic, reply_id):
                self._store.add_reply(tx, record.topic, reply_id, type="refused", disclosure_id=None, received_time=now, refused_code=code)

    def _note(self, tx: Transaction, answer: Reply, now: datetime) -> None:
        """Remember an answer, and what it says; once. Raises Invalid when the agency may not say it."""
        if self._store.is_known_reply(tx, answer.source, answer.id):
            return
        body = answer.body
        if isinstance(body, Notice | NoticeWithdrawn):
            take_in(tx, self._store, law(), answer, body, now)
        else:
            self._answer(tx, answer, body)
        about = None if isinstance(body, Notice | NoticeWithdrawn) else body.disclosure_id
        self._store.add_reply(tx, answer.source, answer.id, type=answer.type, disclosure_id=about, received_time=now, refused_code=None)

    def _answer(self, tx: Transaction, answer: Reply, body: Receipt | AgencyOutcome | InvitationAnswered) -> None:
        """Append what the agency says of one of its own disclosures. Raises Invalid when it is not its own."""
        told = self._store.disclosure(tx, body.disclosure_id)
        if told is None or told.receiver_kind != body.receiver_kind or told.key != answer.key:
            raise Invalid("svar: gäller ingen uppgift som mottagaren har fått.", reason="DISCLOSURE_UNKNOWN")
        sent = self._store.sent_event(tx, body.event_id, told.id)
        if sent is None:
            raise Invalid("svar: gäller ingen händelse som mottagaren har fått om uppgiften.", reason="EVENT_UNKNOWN")
        # `control_reference`, which says once more what it is about, was sent sealed and is not compared.
        if isinstance(body, InvitationAnswered) and (told.record_kind != INVITATION or sent.change == "recalled"):
            raise Invalid("svar: gäller en uppgift som inte är en inbjudan.", reason="NO_INVITATION")
        details: dict[str, object] = {"reply_id": str(answer.id)}
        if isinstance(body, InvitationAnswered):
            status = Status.RECEIVED
            details["answered_invitation"] = body.model_dump(
                mode="json", include={"answer", "role", "control_ground_id", "function_mailbox"}
            )
        else:
            status = STATUS[body.status]
            if isinstance(body, Receipt):
                details |= {"reason": body.reason} if body.reason else {}
                status = RECALL.get(status, status) if sent.change == "recalled" else status
                for replaced in self._store.disclosures_by_id(tx, told.replaces if sent.change == "corrected" else []):
                    if replaced.status in CORRECTING:
                        self._store.tell(tx, replaced, CORRECTION[status], body.time, details=details)
        if status is Status.RECALL_REFUSED:
            # Of a protected person no officer sees that it is still owed: whoever watches the service tells the named unit.
            log.warning("recall_refused", disclosure_id=str(told.id), reason=details["reason"])
        self._store.tell(tx, told, status, body.time, details=details)


class Tell:
    """Delivers the feedback outbox: RecordOutcome to the service that owns the record."""

    def __init__(self, database: Database, registry: grpc.Channel, controls: grpc.Channel) -> None:
        """Channels that carry sharing's own certificate."""
        self._database = database
        self._registry = registry_pb2_grpc.RegistryServiceStub(registry)
        self._controls = controls_pb2_grpc.ControlsServiceStub(controls)

    def deliver(self, rows: Sequence[Any]) -> Iterable[tuple[int, Outcome]]:
        """Tell in order; what became of each row."""
        return told_in_order(rows, self._tell)

    def _tell(self, row: Any) -> None:  # noqa: ANN401  # a row
        outcome, record_kind = self._outcome(row)
        if OWNERS[record_kind] == "controls":
            self._controls.RecordOutcome(controls_pb2.RecordOutcomeRequest(outcome=outcome), timeout=DEADLINE_S)
        else:
            self._registry.RecordOutcome(registry_pb2.RecordOutcomeRequest(outcome=outcome), timeout=DEADLINE_S)

    def _outcome(self, row: Any) -> tuple[common_pb2.RecordOutcome, str]:  # noqa: ANN401  # a row
        events, disclosures = tables.disclosure_event.c, tables.disclosure.c
        joined = tables.disclosure_event.join(tables.disclosure, events.disclosure_id == disclosures.id)
        columns = (disclosures.record_kind, disclosures.record_id, disclosures.receiver_kind)
        with self._database.transaction() as tx:
            found = tx.one(
                select(events.disclosure_id, events.status, events.occurred_time, events.details, *columns)
                .select_from(joined)
                .where(events.id == UUID(row.payload["disclosure_event_id"]))
            )
        assert found is not None  # noqa: S101  # written in the same transaction as the row
        outcome = common_pb2.RecordOutcome(
            request_id=str(row.event_id),
            record_kind=found.record_kind,
            record_id=str(found.record_id),
            receiver_kind=found.receiver_kind,
            disclosure_id=str(found.disclosure_id),
            status=OUTCOME_STATUS[Status(found.status)],
            occurred_time=timestamp(found.occurred_time),
        )
        answered = found.details.get("answered_invitation")
        if answered:
            outcome.answered_invitation.CopyFrom(
                common_pb2.AnsweredInvitation(
                    answer=ANSWERS[answered["answer"]],
                    role=ROLES.get(answered["role"], common_pb2.PARTICIPATION_ROLE_UNSPECIFIED),
                    control_ground_id=answered["control_ground_id"] or "",
                    function_mailbox=answered["function_mailbox"],
                )
            )
        return outcome, str(found.record_kind)
