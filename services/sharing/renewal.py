"""A retired key means sealing again (design 15): what waits in the outbox never leaves under a key that has ended or been revoked.

The relay sends no message whose keys are of no use; this loop, in the process that has the private keys, seals it again with the keys of
today: the same event id, sequence, times and content. Where there is no key it waits, and shows: in the log, and to the officer.
"""

import threading
from datetime import timedelta

from services.kernel.clock import Clock
from services.kernel.db import Database
from services.kernel.log import log, place_of
from services.sharing.sealing import Keys, KeySource, content_of, seal_again
from services.sharing.store import Store

ROUND_S = 1.0
WAIT = timedelta(minutes=1)
"""How long a message that cannot be sealed again is kept from the relay, each time."""


class Renewal:
    """Rounds until stopped."""

    def __init__(self, database: Database, store: Store, keys: KeySource, clock: Clock) -> None:
        """Each copy of the process may run one: a message is locked while it is sealed again."""
        self._database = database
        self._store = store
        self._keys = keys
        self._clock = clock
        self._stop = threading.Event()
        self._before: Keys | None = None
        self._noted: Keys | None = None
        self._waiting = 0

    def run(self) -> None:
        """Look every second; a database that is away is waited for."""
        while not self._stop.is_set():
            try:
                while self.run_once():
                    pass
            except Exception as error:  # noqa: BLE001  # what waits goes on waiting, whatever fails
                log.error("renewal_round_failed", error=type(error).__name__, place=place_of(error))
            self._stop.wait(ROUND_S)

    def stop(self) -> None:
        """End after the round that is under way."""
        self._stop.set()

    def run_once(self) -> int:
        """One round; how many messages were sealed again."""
        keys, now = self._keys(), self._clock.now()
        kinds = [kind for kind in keys.receivers if keys.can_seal_to(kind, now)]
        with self._database.transaction() as tx:
            if keys is not self._noted:
                self._store.note_ends(tx, keys.ends(), now)
            rows = self._store.to_seal_again(tx, kinds, now)
            for row in rows:
                content = content_of(row.value, self._store.opened("disclosure", row, "payload"))
                sealed = seal_again(row.record_key, row.value, content, row.receiver_kind, keys, now)
                self._store.replace_message(tx, row.event_id, sealed, now)
            waiting = self._store.hold_back(tx, kinds, now, WAIT)
        for row in rows:
            log.info("message_sealed_again", event_id=str(row.event_id), disclosure_id=str(row.id))
        if waiting != self._waiting:
            log.warning("messages_wait_for_a_key", count=waiting)
            self._waiting = waiting
        # Noted twice: the second time takes what a decision under way had sealed with the keys before.
        if self._before is keys:
            self._noted = keys
        self._before = keys
        return len(rows)
