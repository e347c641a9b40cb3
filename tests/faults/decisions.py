"""Decides all the time, in the deciding transaction's own code: `python -m tests.faults.decisions DATA COUNT RATE`.

Four RPCs for each of them would need more than two cores. Prints a line for each decision when it is committed: event, key, sequence.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

from partner.contract import example
from services.kernel.clock import Clock
from services.kernel.config import load
from services.kernel.db import Database
from services.kernel.ids import new_id
from services.kernel.vault import Vault
from services.sharing.app import SharingConfig
from services.sharing.domain import Status, digest
from services.sharing.sealing import Event, Keys, seal_event
from services.sharing.store import Store

THREADS = 4
KEYS = 500  # for each thread; a key is decided on by one thread, as a record is by one person at a time
KIND, RECEIVER, AGENCY, GROUND = "control_invitation", "skatteverket-beskattning", "skatteverket", "los-inbjudan-oppna-uppgifter"
EXPIRY = timedelta(days=14)


class Deciding:
    """What a decision needs."""

    def __init__(self, data: Path) -> None:
        config = load(data / "config" / "sharing.toml", SharingConfig)
        self._database = Database(config, "sharing")
        self._keys = Keys.load(config.keys.signing_file, config.keys.encryption_file, config.keys.receivers_file)
        self._store = Store(Vault.from_files("sharing", config.vault.key_file, config.vault.index_key_file))
        self._clock = Clock()
        self._kommun_code = config.kommun_code
        self._records = [[(uuid4(), uuid4()) for _ in range(KEYS)] for _ in range(THREADS)]

    def run(self, thread: int, count: int, rate: float, started: float) -> None:
        """Every key of a thread in turn, at the pace of the load."""
        for number in range(thread, count, THREADS):
            time.sleep(max(0.0, started + number / rate - time.monotonic()))
            turn = number // THREADS
            record_id, key = self._records[thread][turn % KEYS]
            self._decide(record_id, key, turn // KEYS + 1)

    def _decide(self, record_id: UUID, key: UUID, sequence: int) -> None:
        now, disclosure_id, event_id = self._clock.now(), new_id(), new_id()
        content = example(KIND, RECEIVER, "shared", str(disclosure_id))
        payload = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
        event = Event(
            id=event_id, kommun_code=self._kommun_code, record_kind=KIND, change="shared", receiver_kind=RECEIVER, key=key,
            sequence=sequence, disclosure_id=disclosure_id, time=now, recorded_time=now, expiry_time=now + EXPIRY, secret=False,
        )  # fmt: skip
        with self._database.transaction() as tx:
            self._store.add_disclosure(
                tx, disclosure_id, payload, b"{}", offer_id=new_id(), record_kind=KIND, record_id=record_id, receiver_kind=RECEIVER,
                agency=AGENCY, unit="MOS", ground_id=GROUND, ground_digest="", decision_by="sender", fields=["control.reference"],
                secrecy=[], key_id=None, payload_hash=digest(payload), decided_by="mos-samordnare-1",
                decided_role="los_coordinator", decided_time=now,
                delegation_reference="4.2", key=key, task="", flow="inv-skv", subject=None,
            )  # fmt: skip
            self._store.add_event(tx, disclosure_id, Status.DECIDED, now, person="mos-samordnare-1")
            sealed = seal_event(event, payload, self._keys)
            self._store.add_message(tx, event, sealed, f"los.share.{AGENCY}.v1", Status.SENT)
        sys.stdout.write(f"{event_id} {key} {sequence}\n")


def main() -> None:
    """So many decisions, so many a second."""
    deciding, count, rate = Deciding(Path(sys.argv[1])), int(sys.argv[2]), float(sys.argv[3])
    started = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        for one in [pool.submit(deciding.run, thread, count, rate, started) for thread in range(THREADS)]:
            one.result()


if __name__ == "__main__":
    main()
