"""A conforming consumer with the SDK: what is left is what your own system does with an event. Run: python consumer.py KIT_FOLDER.

The SDK verifies, opens, keeps order, remembers in its own database, answers and refuses what is recalled. PostgreSQL instead of SQLite:
`Inbox.open("postgresql://…")`.
"""

import json
import signal
import sys
import threading
from pathlib import Path

from partner.consumer import Consumer
from partner.inbox import Inbox
from partner.kit import load
from partner.receiver import Receiver


def handle(tx, opened, now):
    """Your own system's effect belongs here, in the transaction `tx` that remembers the event. Nothing more to answer: no replies."""
    event = opened.event
    shown = {"event_id": event.id, "disclosure_id": event.disclosure_id, "record_kind": opened.record_kind, "change": event.change}
    print(json.dumps(shown | {"receiver_kind": opened.receiver_kind, "fields": dict(opened.fields)}, ensure_ascii=False), flush=True)
    return []


folder = Path(sys.argv[1])
kit, inbox, stop = load(folder), Inbox.open(folder / "inbox.db"), threading.Event()
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: stop.set())
Consumer(kit, Receiver(kit, inbox, handle), lambda text: print(text, file=sys.stderr)).run(stop)
