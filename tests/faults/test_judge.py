"""Kafka's own VerifiableConsumer judges what lies on a share topic while relay, sharing and broker are killed at random."""

import hashlib
import json
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Self
from uuid import uuid4

import psycopg
import pytest
from los.common.v1 import common_pb2
from los.sharing.v1 import sharing_pb2 as pb
from los.sharing.v1 import sharing_pb2_grpc

from cli.client import Stack
from cli.walk import DELEGATION
from infra import stack
from infra.folder import write
from services.kernel.callers import Role
from services.kernel.config import Tls
from services.kernel.rpc import connect
from tests.faults.killing import Killer, Partner, eventually
from tests.faults.load import until_answered

pytestmark = pytest.mark.timeout(1800)
LOAD_S, RATE = 300, 200
INVITE_EVERY_S = 0.4
KILL_EVERY_S = (6.0, 14.0)
DRAIN_S = 600
AGENCY, PARTNER, RECEIVER = "skatteverket", "kronofogden", "kronofogden"
VICTIMS = ["relay", "sharing", "kafka"]
# The word to the owners of these records, who do not know them, is another promise: nobody is told.
UNTOLD = """
CREATE FUNCTION sharing.untold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER untold BEFORE INSERT ON sharing.feedback FOR EACH ROW EXECUTE FUNCTION sharing.untold();
"""
LEFT = "SELECT (SELECT count(*) FROM sharing.outbox) + (SELECT count(*) FROM sharing.message)"


class Read(NamedTuple):
    """A record of the topic."""

    event_id: str
    key: str
    sequence: int
    digest: bytes


class Judge:
    """VerifiableConsumer with the agency's own principal, in a group under its prefix; started again should it end."""

    def __init__(self, running: stack.Stack) -> None:
        self.found: dict[tuple[int, int], Read] = {}  # by partition and place: what it reads twice is one record of the topic
        client = running.kafka.client(AGENCY)
        password = client["sasl_plain_password"]
        login = f'org.apache.kafka.common.security.scram.ScramLoginModule required username="{AGENCY}" password="{password}";'
        settings = {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.jaas.config": login,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": client["ssl_cafile"],
        }
        config = running.folder.kafka / "judge.properties"
        write(config, "".join(f"{name}={value}\n" for name, value in settings.items()))
        words = ["--bootstrap-server", running.kafka.bootstrap_servers, "--topic", f"los.share.{AGENCY}.v1", "--verbose"]
        words += ["--group-id", f"{AGENCY}.judge", "--command-config", str(config), "--reset-policy", "earliest"]
        self._words = running.kafka.tool("org.apache.kafka.tools.VerifiableConsumer", words)
        self._log = running.folder.log("judge")
        self._closing = threading.Event()
        self._child: subprocess.Popen[str] | None = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        if self._child is not None:
            self._child.kill()
        self._thread.join()

    def _run(self) -> None:
        with self._log.open("ab") as log:
            while not self._closing.is_set():
                with subprocess.Popen(self._words, stdout=subprocess.PIPE, stderr=log, text=True) as self._child:
                    assert self._child.stdout is not None
                    for line in self._child.stdout:
                        self._take(line)

    def _take(self, line: str) -> None:
        if '"record_data"' not in line or not line.endswith("\n"):
            return
        said = json.loads(line)
        event = json.loads(said["value"])
        assert said["key"] == event["partitionkey"]
        digest = hashlib.sha256(said["value"].encode()).digest()
        self.found[said["partition"], said["offset"]] = Read(event["id"], said["key"], int(event["sequence"]), digest)

    @property
    def events(self) -> set[str]:
        return {read.event_id for read in list(self.found.values())}


class Invitations:
    """A smaller stream through the real RPCs of sharing: controls offers an invitation, a coordinator looks and decides."""

    def __init__(self, running: stack.Stack) -> None:
        self.decided: list[str] = []
        self._points: list[str] = []
        folder = running.folder.tls
        own = Tls(ca_file=folder / "ca.crt", certificate_file=folder / "controls.crt", key_file=folder / "controls.key")
        self._channel = connect(running.addresses["sharing"], "sharing", own)
        self._controls = sharing_pb2_grpc.SharingServiceStub(self._channel)
        people = Stack(running.folder.root)
        self._session = people.speaking_for(people.first(Role.LOS_COORDINATOR, "MOS"))

    @contextmanager
    def going(self) -> Iterator[None]:
        """All the time until left; the one that is under way is finished."""
        ended = threading.Event()

        def invite() -> None:
            while not ended.wait(INVITE_EVERY_S):
                self._invite()

        with self._channel, self._session, ThreadPoolExecutor(1) as pool:
            inviting = pool.submit(invite)
            try:
                yield
            finally:
                ended.set()
                inviting.result()

    def _invite(self) -> None:
        facts = common_pb2.ControlFacts(
            reference="LOS-2026-7", window_start="2026-12-01", window_end="2026-12-01", participating_authorities=["Linköpings kommun"]
        )
        offer = pb.OfferRecordRequest(
            event_id=str(uuid4()), record_id=str(uuid4()), revision=1, receiver_kind=RECEIVER, unit="MOS",
            control_invitation=common_pb2.ControlInvitation(control=facts),
        )  # fmt: skip
        taken = until_answered(lambda: self._controls.OfferRecord(offer, timeout=10))
        written = [pb.WrittenPoint(point=point, text="Ja.") for point in self._points]
        look = pb.PreviewDisclosureRequest(request_id=str(uuid4()), offer_id=taken.offer_id, written=written)
        shown = until_answered(lambda: self._session.sharing.PreviewDisclosure(look))
        if shown.missing_points:  # the first one tells what has to be weighed
            self._points = list(shown.missing_points)
            return
        decide = pb.DecideDisclosureRequest(
            request_id=str(uuid4()), preview_id=shown.preview_id, payload_hash=shown.payload_hash, decision=pb.DECISION_SEND,
            delegation_reference=DELEGATION,
        )  # fmt: skip
        self.decided.append(until_answered(lambda: self._session.sharing.DecideDisclosure(decide)).disclosure_id)


def received(running: stack.Stack) -> set[str]:
    """The disclosures to the partner that have its receipt."""
    query = """
        SELECT DISTINCT e.disclosure_id FROM sharing.disclosure_event e JOIN sharing.disclosure d ON d.id = e.disclosure_id
        WHERE e.status = 'received' AND d.receiver_kind = %s"""
    with psycopg.connect(running.postgres.url()) as connection:
        return {str(row[0]) for row in connection.execute(query, [RECEIVER])}


def left(running: stack.Stack) -> int:
    with psycopg.connect(running.postgres.url()) as connection:
        row = connection.execute(LEFT).fetchone()
    assert row is not None
    return int(row[0])


def require_in_order(found: dict[tuple[int, int], Read], sent: dict[str, int]) -> int:
    """Each key's events first came in the order of their numbers, none missing; one that came again had the same id and bytes.

    How many came again.
    """
    numbers: dict[str, list[int]] = defaultdict(list)
    digests: dict[str, bytes] = {}
    again = 0
    for _, read in sorted(found.items()):
        if read.event_id in digests:
            assert digests[read.event_id] == read.digest
            again += 1
        else:
            digests[read.event_id] = read.digest
            numbers[read.key].append(read.sequence)
    assert {key: one for key, one in numbers.items() if one != list(range(1, sent[key] + 1))} == {}
    return again


def test_under_kills_nothing_is_lost_and_each_key_is_in_order_by_kafkas_own_consumer(tmp_path: Path) -> None:
    with stack.start(tmp_path / "data", print) as running:
        with psycopg.connect(running.postgres.url()) as connection:
            connection.execute(UNTOLD)
        root, invitations = running.folder.root, Invitations(running)
        words = [sys.executable, "-m", "tests.faults.decisions", str(root), str(LOAD_S * RATE), str(RATE)]
        with Judge(running) as judge, Partner(root, PARTNER, "cli.main", {}) as partner:
            with invitations.going(), Killer(running, VICTIMS, seed=20261125, pause_s=KILL_EVERY_S) as killer:
                lines = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
            ended = time.monotonic()
            decided = [line.split() for line in lines]
            eventually("something has not left", lambda: left(running) == 0, DRAIN_S)
            events = {event for event, _, _ in decided}
            eventually("something is lost", lambda: events <= judge.events, DRAIN_S)
            eventually("not every invitation has its receipt", lambda: set(invitations.decided) <= received(running), DRAIN_S)
            drained_s = time.monotonic() - ended
            effects = Counter(disclosure for disclosure, _ in partner.effects())
    assert len(decided) == LOAD_S * RATE
    assert judge.events == events  # and nothing that nobody decided
    again = require_in_order(judge.found, Counter(key for _, key, _ in decided))
    assert {disclosure: count for disclosure, count in effects.items() if count != 1} == {}
    assert set(effects) == set(invitations.decided)
    assert set(killer.kills) == set(VICTIMS)
    print(  # noqa: T201  # the figures, with -s
        f"decided {len(decided)}, read {len(judge.found)}, came again {again}, invitations {len(invitations.decided)},"
        f" kills {dict(killer.kills)}, drained in {drained_s:.0f} s"
    )
