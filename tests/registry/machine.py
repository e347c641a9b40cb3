"""What a machine of states shares with another when it is driven at random: one record, what is refused, what its history must be."""

from collections import Counter
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, ClassVar, LiteralString

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from los.common.v1 import common_pb2
from psycopg.rows import dict_row

from services.kernel.errors import Conflict, Denied, Invalid, NotFound
from tests.registry.builders import a_check

PROTECTED = a_check(common_pb2.PROTECTION_PROTECTED)
ROUND = settings(
    max_examples=30,
    stateful_step_count=20,
    deadline=None,
    database=None,
    derandomize=False,  # the next round has to be another one, in CI too
    phases=[Phase.generate],  # each example costs seconds: a failure is told as it was found
    suppress_health_check=list(HealthCheck),
)
ROUNDS_MAX = 12  # two are enough as a rule: chance has to find every guard
Variant = dict[str, Any]
Draw = Callable[[st.SearchStrategy[Any]], Any]
RIGHT: Variant = {}


class Machine(RuleBasedStateMachine):
    """One record, and people who try things with it."""

    registry: ClassVar[Any]  # the service that has the record
    refused: ClassVar[Counter[tuple[str, str]]]
    done: ClassVar[Counter[str]]
    numbers: ClassVar = count(1)
    eye: ClassVar[psycopg.Connection[dict[str, Any]]]  # an administrator's
    query: ClassVar[LiteralString]  # for the record, by its id
    arrows: ClassVar[Mapping[str, frozenset[tuple[str, str]]]]
    things: ClassVar[tuple[Callable[[Any, Draw], None], ...]]
    steps: ClassVar[LiteralString] = "SELECT * FROM history WHERE record_id = %s ORDER BY revision, track, id"

    def __init__(self) -> None:
        super().__init__()
        self.id = ""

    def forget(self) -> None:
        """The person of the records is known for nothing: what one run found of protection is not the next one's."""
        self.eye.execute("DELETE FROM subject")

    def row(self) -> dict[str, Any]:
        """The record as it lies in the database, whoever may see it."""
        (row,) = self.rows(self.query)
        return row

    def history(self) -> list[dict[str, Any]]:
        return self.rows(self.steps)

    def trail(self) -> int:
        """How many rows the audit has of the record."""
        return int(self.rows("SELECT count(*) AS n FROM audit WHERE object_id = %s")[0]["n"])

    def rows(self, query: LiteralString) -> list[dict[str, Any]]:
        return self.eye.execute(query, [self.id]).fetchall()

    def attempt(self, method: str, act: Callable[[], object]) -> None:
        """Try: what was refused has changed nothing, what was done has a new etag and kept the earlier history; both are audited."""
        before, earlier, audited = self.row(), self.history(), self.trail()
        try:
            act()
        except (Denied, NotFound, Conflict, Invalid) as failure:
            self.refused[method, failure.message.partition(":")[0] if isinstance(failure, (Conflict, Invalid)) else failure.reason] += 1
            assert (self.row(), self.history()) == (before, earlier)
            assert self.trail() == audited + 1
            return
        self.done[method] += 1
        assert self.trail() == audited + 1
        after, later = self.row(), self.history()
        assert [step for step in later if step["revision"] <= before["revision"] and step["track"] != "feedback"] == [
            step for step in earlier if step["track"] != "feedback"
        ]
        if any(after[name] != before[name] for name in ("state", *self.arrows.keys() & after.keys())):
            assert after["revision"] == before["revision"] + 1

    @rule(data=st.data())
    def something_happens(self, data: st.DataObject) -> None:
        """One rule, so that every kind of thing may happen in every example."""
        data.draw(st.sampled_from(self.things))(self, data.draw)

    @invariant()
    def history_is_whole(self) -> None:
        """Every track begins at its beginning, each step follows the one before it, and the last is where the record is."""
        if not self.id:
            return
        row, steps = self.row(), self.history()
        for track, arrows in self.arrows.items():
            name = "" if track == "state" else track
            at: str | None = None if track == "state" else "none"
            rest = [step for step in steps if step["track"] == name]
            while rest:
                step = next((one for one in rest if one["revision"] == rest[0]["revision"] and one["from_state"] == at), None)
                assert step is not None, (track, at, rest)
                assert at is None or (at, step["to_state"]) in arrows
                at = step["to_state"]
                rest.remove(step)
            assert at == row[track]


SHORT = settings(ROUND, max_examples=8, stateful_step_count=12)
"""For what has few states: chance finds the guards sooner in several short rounds."""


def walk(  # what a service and a machine differ in
    machine: type[Machine],
    service: Any,  # noqa: ANN401
    guards: set[tuple[str, str]],
    methods: set[str],
    schema: str = "registry",
    a_round: settings = ROUND,
) -> None:
    """Rounds of chance until every guard has said no and every method yes."""
    machine.registry, machine.refused, machine.done = service, Counter(), Counter()
    options = f"-c search_path={schema}"
    with psycopg.connect(service.database_url, row_factory=dict_row, options=options, autocommit=True) as machine.eye:
        for _ in range(ROUNDS_MAX):
            run_state_machine_as_test(machine, settings=a_round)
            missed = guards - set(machine.refused) | {(method, "done") for method in methods - set(machine.done)}
            if not missed:
                return
    pytest.fail(f"never seen: {sorted(missed)}")
