"""Kill it at each hop: an accepted record is never lost, an effect never happens twice (design 4)."""

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from infra import stack
from infra.services import SERVICES
from tests.faults import crashing
from tests.faults.killing import PAUSE_S, Killer, Partner, eventually
from tests.faults.load import Load

pytestmark = pytest.mark.timeout(1500)
RECORDS = 24
LOAD_S, RATE = 60, 50
AGENCY = "skatteverket"
UNHARMED = {"controls", "gateway"}
VICTIMS = ["registry", "sharing", "relay", "kafka", "partner"]


def disclosed(running: stack.Stack) -> dict[str, list[str]]:
    """Record → its disclosures that have the receiver's receipt, from the kommun's own tables."""
    query = """
        SELECT d.record_id, d.id FROM sharing.disclosure d
        WHERE EXISTS (SELECT 1 FROM sharing.disclosure_event e WHERE e.disclosure_id = d.id AND e.status = 'received')"""
    found: dict[str, list[str]] = {}
    try:
        with psycopg.connect(running.postgres.url(), connect_timeout=3) as connection:
            for record_id, disclosure_id in connection.execute(query):
                found.setdefault(str(record_id), []).append(str(disclosure_id))
    except psycopg.OperationalError:  # just killed
        return {}
    return found


def require_exactly_one_effect(running: stack.Stack, partner: Partner, load: Load) -> None:
    """Every acknowledged record has one disclosure and one row at the partner; the topic repeats only with the same id."""
    told = disclosed(running)
    assert {record for record, disclosures in told.items() if len(disclosures) != 1} == set()
    assert load.acknowledged <= set(told)
    effects = Counter(disclosure for disclosure, _ in partner.effects())
    assert {disclosure: count for disclosure, count in effects.items() if count != 1} == {}
    assert {told[record][0] for record in load.acknowledged} <= set(effects)
    assert len(effects) == len(told)
    words = [sys.executable, "-m", "cli.main", "partner", "listen", AGENCY, "--kit", str(partner.kit), "--until-idle", "3", "--json"]
    lines = subprocess.run(words, env={}, capture_output=True, text=True, check=True).stdout.splitlines()
    events = {(event["id"], event["disclosure_id"]) for event in map(json.loads, lines)}
    assert len({event for event, _ in events}) == len({disclosure for _, disclosure in events}) == len(events) == len(effects)


@contextmanager
def deciding(load: Load) -> Iterator[None]:
    """Somebody decides all the time on what waits."""
    closing_time = threading.Event()

    def decide() -> None:
        while not closing_time.is_set():
            if not load.decide_waiting():
                closing_time.wait(PAUSE_S)

    with ThreadPoolExecutor(1) as pool:
        going = pool.submit(decide)
        try:
            yield
        finally:
            closing_time.set()
            going.result()


def test_a_kill_at_each_hop_loses_nothing_and_repeats_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = tmp_path / "plan"
    crashing.plan(plan)
    monkeypatch.setenv("FAULT_PLAN", str(plan))
    services = [replace(service, module="tests.faults.crashing") for service in SERVICES if service.name not in UNHARMED]
    unharmed = [service for service in SERVICES if service.name in UNHARMED]
    with stack.start(tmp_path / "data", print, [*services, *unharmed]) as running:
        environment = {"FAULT_PLAN": str(plan)}
        with Partner(running.folder.root, AGENCY, "tests.faults.crashing", environment) as partner:
            load = Load(running.folder.root)
            with deciding(load):
                with ThreadPoolExecutor(4) as pool:
                    list(pool.map(load.register, range(RECORDS)))
                eventually("not every record has its receipt", lambda: load.acknowledged <= set(disclosed(running)))
            assert crashing.left(plan) == dict.fromkeys(crashing.POINTS, 0)
            require_exactly_one_effect(running, partner, load)


def test_a_minute_of_random_kills_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    with stack.start(tmp_path / "data", print) as running, Partner(running.folder.root, AGENCY, "cli.main", {}) as partner:
        load = Load(running.folder.root)
        with deciding(load):
            with Killer(running, VICTIMS, seed=20261123, partner=partner) as killer, ThreadPoolExecutor(24) as pool:
                started = time.monotonic()
                going = []
                for number in range(LOAD_S * RATE):
                    going.append(pool.submit(load.register, number))
                    time.sleep(max(0.0, started + number / RATE - time.monotonic()))  # the pace of the load, not luck
                for one in going:
                    one.result()
            assert len(load.acknowledged) == LOAD_S * RATE
            assert set(killer.kills) == set(VICTIMS)
            eventually("not every record has its receipt", lambda: load.acknowledged <= set(disclosed(running)))
        require_exactly_one_effect(running, partner, load)
        with psycopg.connect(running.postgres.url()) as database:
            [left] = database.execute(
                "SELECT (SELECT count(*) FROM sharing.outbox) + (SELECT count(*) FROM sharing.message)"
            ).fetchone() or [None]
        assert left == 0
