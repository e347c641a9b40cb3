"""Every method of every service, asked anything by anybody: a documented answer each time, and nothing told or left behind.

LOS_FUZZ_S says for how many seconds: 60 unless told otherwise. The questions come from the descriptors that the services show by
reflection, so a new method is asked from its first day.
"""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from cli.client import Stack as Client
from infra import stack
from tests.fuzz.asking import Everything
from tests.fuzz.beginning import begin
from tests.fuzz.drawing import Plan, plans
from tests.fuzz.reflected import Method

SECONDS = float(os.environ.get("LOS_FUZZ_S", "60"))
CALLS = 200
"""Calls in one run of Hypothesis; as many runs as there is time for."""

pytestmark = pytest.mark.timeout(SECONDS + 300)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stack.Stack]:
    with stack.start(tmp_path_factory.mktemp("fuzz") / "data", lambda _: None) as found:
        yield found


@pytest.fixture(scope="module")
def everything(running: stack.Stack) -> Iterator[Everything]:
    made = Everything(running.folder, running.postgres, Client(running.folder.root))
    yield made
    made.close()


def ask_for_a_while(everything: Everything, number: int) -> None:
    """One run of Hypothesis: every method can come up, as everybody."""

    @seed(number)
    @settings(max_examples=CALLS, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(
        method=st.sampled_from(everything.methods),
        who=st.integers(0, 2**16),
        drawn=st.lists(plans, min_size=1, max_size=1) | st.lists(plans, max_size=6),
        times=st.sampled_from((1, 1, 1, 1, 400)),
    )
    def ask(method: Method, who: int, drawn: list[Plan], times: int) -> None:
        askers = everything.askers(method)
        drawn = drawn if method.streaming else drawn[:1] or [Plan(who, "compose", 0)]
        everything.ask(method, askers[who % len(askers)], drawn * (times if method.streaming else 1))

    ask()


def test_whatever_is_asked_by_whomever_the_answer_is_documented_and_nothing_is_told_or_left_behind(
    running: stack.Stack, everything: Everything, tmp_path: Path
) -> None:
    pids = running.pids
    begin(everything, tmp_path)
    lines: list[str] = []
    for each in everything.methods:  # at least once, whatever chance says
        everything.ask(each, everything.askers(each)[0], [Plan(0, "compose", 0)])
    first, end, number = time.time_ns() % 2**32, time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        ask_for_a_while(everything, first + number)
        number += 1
        lines += everything.bad_lines()
        assert everything.is_healthy()
        assert running.pids == pids
    sys.stderr.write(f"{sum(everything.codes.values())} anrop, {len(everything.methods)} metoder, frö {first}: {dict(everything.codes)}\n")
    for method, codes in sorted(everything.by_method.items()):
        sys.stderr.write(f"  {method}: {dict(codes)}\n")

    wrong = "\n".join(f"{what}\n    {how}" for what, how in everything.wrong.items())
    sys.stderr.write(wrong)
    assert wrong == ""
    assert lines[:20] == []
    assert everything.unaudited() == {}
    assert everything.half_done() == set()
    assert {method.name for method in everything.methods} == {name.split("/")[1] for name in everything.by_method}
