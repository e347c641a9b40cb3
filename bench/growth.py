"""`growth`: how long an answer takes beside ten thousand records, and beside a hundred times as many.

One PostgreSQL and one server process for each size, one question to each in turn, over gRPC; of each round the 99th
percentile, of the rounds the median. Rows are made by the service's own code, sealed and indexed, and go in with COPY.
"""

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import psycopg
from los.common.v1.common_pb2 import PROTECTION_NONE, Page, ProtectionCheck
from los.registry.v1 import registry_pb2 as pb
from los.registry.v1.registry_pb2_grpc import RegistryServiceStub

from bench.filling import OFFICER, PEOPLE, fill, report_message
from bench.serving import registry
from infra import secrets, stack
from services.kernel.clock import Clock, timestamp
from services.kernel.reference import reference
from services.kernel.releases import UNDER_WAY
from services.kernel.statistics import Quarter

SIZES = (10_000, 100_000, 1_000_000)
ROUNDS = 5
CALLS = 500
WARM = 60
OWN = 30
"""As many of the alerts are the officer's own."""
COUNTED_S = 1200
POLL_S = 0.2
PURPOSE = next(iter(reference().look_up_purposes)).code


class Growth(NamedTuple):
    """p99 of one question in milliseconds, by size; `ratio` is the largest size's over the smallest's."""

    name: str
    p99_ms: dict[int, float]
    ratio: float


def run(sizes: Sequence[int] = SIZES, rounds: int = ROUNDS, calls: int = CALLS) -> list[Growth]:
    """Fill a database of each size, then measure them in turn."""
    with tempfile.TemporaryDirectory(prefix="los-bench-") as name, ExitStack() as opened:
        servers = {size: opened.enter_context(_served(Path(name) / str(size), size)) for size in sizes}
        figures: dict[str, dict[int, list[float]]] = {}
        for number in range(rounds + 1):
            asked = {size: _questions(*server, size, number) for size, server in servers.items()}
            for question in asked[min(sizes)]:
                found = _p99({size: questions[question] for size, questions in asked.items()}, calls if number else WARM)
                if number:
                    for size, p99 in found.items():
                        figures.setdefault(question, {}).setdefault(size, []).append(p99)
                    _say(f"{question}, varv {number} av {rounds}: {', '.join(f'{size}: {p99:.1f} ms' for size, p99 in found.items())}")
    return [_growth(question, by_size) for question, by_size in figures.items()]


def _growth(name: str, by_size: Mapping[int, Sequence[float]]) -> Growth:
    middle = {size: round(statistics.median(values), 2) for size, values in by_size.items()}
    return Growth(name, middle, round(middle[max(middle)] / middle[min(middle)], 2))


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


@contextmanager
def _served(folder: Path, size: int) -> Iterator[tuple[Any, list[str]]]:
    """A database with so many alerts and a server on it; a stub as the officer who handles them, and ids of some."""
    with stack.parts(folder, kafka=False) as running:
        began = time.monotonic()
        known = fill(running.postgres.url(), secrets.vault_files(running.folder, "registry"), size)
        _say(f"{size} ärenden inlagda på {time.monotonic() - began:.0f} s")
        with registry(running, OFFICER) as channel:
            stub = RegistryServiceStub(channel)
            _say(f"{size} ärenden räknade i statistiken på {_counted(running.postgres.url()):.0f} s")
            _handle(stub, known[:OWN])
            yield stub, known


def _counted(url: str) -> float:
    """Wait until the service has counted every quarter that is over, which it does once; the seconds that it took."""
    began = time.monotonic()
    last = Quarter.of(Quarter.of(Clock().now() - UNDER_WAY).start - timedelta(days=1))
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute("SELECT 1 FROM registry.statistics_release WHERE period = %s", (str(last),)).fetchone() is None:
            if time.monotonic() - began > COUNTED_S:
                raise TimeoutError(f"the statistics are not counted in {COUNTED_S} s")
            time.sleep(POLL_S)
    return time.monotonic() - began


def _questions(stub: Any, known: Sequence[str], size: int, number: int) -> dict[str, Callable[[], object]]:  # noqa: ANN401
    """What is asked, each time about something else."""
    chance = random.Random(number)  # noqa: S311
    page = Page(page_size=20)
    made = count()
    kind = "folkbokforing_alert"

    def look_up() -> object:
        request = pb.LookUpPersonRequest(
            request_id=str(uuid4()),
            record_kind=kind,
            record_id=chance.choice(known[:OWN]),
            purpose=PURPOSE,
            id_number=chance.choice(PEOPLE),
        )
        return stub.LookUpPerson(request)

    def register() -> object:
        report = report_message(f"{size + number}-{next(made)}", chance.choice(PEOPLE))
        return stub.RegisterAlert(pb.RegisterAlertRequest(request_id=str(uuid4()), report=report))

    return {
        "register": register,
        "get": lambda: stub.GetAlert(pb.GetAlertRequest(alert_id=chance.choice(known))),
        "look_up": look_up,
        "list": lambda: stub.ListAlerts(pb.ListAlertsRequest(page=page)),
        "list_state": lambda: stub.ListAlerts(pb.ListAlertsRequest(page=page, states=[pb.ALERT_STATE_NEEDS_COMPLETION])),
        "list_new": lambda: stub.ListAlerts(pb.ListAlertsRequest(page=page, list=pb.WORK_LIST_NEW)),
        "list_mine": lambda: stub.ListAlerts(pb.ListAlertsRequest(page=page, list=pb.WORK_LIST_MINE)),
        "list_due": lambda: stub.ListAlerts(pb.ListAlertsRequest(page=page, list=pb.WORK_LIST_DUE)),
        "links": lambda: stub.ListLinks(pb.ListLinksRequest(page=page, record_kind=kind, record_id=chance.choice(known))),
    }


def _p99(asked: Mapping[int, Callable[[], object]], calls: int) -> dict[int, float]:
    """Milliseconds, by size. One call to each in turn, so that a slow moment meets them all."""
    times: dict[int, list[float]] = {size: [] for size in asked}
    for _ in range(calls):
        for size, ask in asked.items():
            began = time.perf_counter()
            ask()
            times[size].append((time.perf_counter() - began) * 1000)
    return {size: sorted(each)[max(0, int(calls * 0.99) - 1)] for size, each in times.items()}


def _handle(stub: Any, alert_ids: Sequence[str]) -> None:  # noqa: ANN401
    """The officer sends these back for completion: then they are the officer's own, and one may ask about a person for them."""
    for alert_id in alert_ids:
        request = pb.AssessAlertRequest(
            request_id=str(uuid4()),
            alert_id=alert_id,
            etag=stub.GetAlert(pb.GetAlertRequest(alert_id=alert_id)).etag,
            assessment=pb.ALERT_ASSESSMENT_NEEDS_COMPLETION,
            wrong_flat_checked=True,
            reasons="Behöver kompletteras.",
            protection_check=ProtectionCheck(result=PROTECTION_NONE, checked_time=timestamp(Clock().now())),
        )
        stub.AssessAlert(request)
