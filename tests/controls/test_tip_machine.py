"""The states of a tip, driven at random against the real service: whoever acts and whatever they ask, in any order.

What is refused changes nothing; what is done is an arrow of workflows 4.1, appended to the history; and every guard has said no.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize
from los.controls.v1 import controls_pb2
from los.controls.v1 import tips_pb2 as pb

from services.controls.domain.tips import LIFE
from services.kernel.callers import Caller
from services.kernel.clock import timestamp
from tests.controls.acts import Operation
from tests.controls.conftest import PERSON, Controls
from tests.controls.tip_acts import CONSULTED, ELSEWHERE, INSPECTOR, RECEIVED, a_place, assess, decide, forward, register
from tests.registry.drawing import allowed, edges, moves
from tests.registry.machine import RIGHT, ROUND, Draw, Machine, Variant, walk

DRAWN = edges("""
    received > assessed
    assessed > prioritised, rejected, parked, forwarded
    prioritised > planned_in
""")
BEYOND: Mapping[str, frozenset[tuple[str, str]]] = {
    "more may come to light before anything is decided": edges("assessed > assessed"),
    "what is parked is taken up again": edges("parked > assessed"),
    "an operation that does not take place gives back what it had taken up": edges("planned_in > prioritised"),
}
BEFORE, LATER = timestamp(RECEIVED - timedelta(days=1)), timestamp(CONSULTED + timedelta(days=9))
ASSESSED: tuple[Variant, ...] = (
    RIGHT,
    RIGHT,
    {"control_ground_ids": []},
    {"reliability": "säker"},
    {"relevance": ""},
    {"control_ground_ids": ["folkbokforingslagen-32c"]},
)
PARKED = {"decision": pb.TIP_DECISION_PARK, "reason": "no_room"}
DECIDED: tuple[Variant, ...] = (
    RIGHT,
    RIGHT,
    PARKED,
    PARKED,
    {"decision": pb.TIP_DECISION_REJECT, "reason": "not_concrete"},
    {"reason": ""},
    {"reason": "no_room"},
    PARKED | {"reason": "serious_harm"},
    {"police_consulted_time": None},
    {"police_consulted_time": BEFORE},
    PARKED | {"police_consulted_time": LATER},
)
FORWARDED: tuple[Variant, ...] = (
    RIGHT,
    {"receiver_kind": "grannen"},
    {"ground": ""},
    {"ground": "19941130-2392"},
    {"forwarded_time": None},
    {"forwarded_time": LATER},
)
TIP_GUARDS = {
    *(("AssessTip", field) for field in ("reliability", "relevance", "control_ground_ids", "state", "etag", "DENIED", "NOT_FOUND")),
    *(("DecideTip", field) for field in ("reason", "police_consulted_time", "control_ground_ids", "state", "etag", "DENIED", "NOT_FOUND")),
    *(("ForwardTip", field) for field in ("receiver_kind", "ground", "forwarded_time", "state", "etag", "DENIED", "NOT_FOUND")),
}
ACTS = {"AssessTip": (assess, ASSESSED), "DecideTip": (decide, DECIDED), "ForwardTip": (forward, FORWARDED)}


class TipMachine(Machine):
    """One tip, and an operation that may visit its object."""

    query = "SELECT * FROM tip WHERE id = %s"
    steps = "SELECT *, '' AS track FROM history WHERE record_id = %s ORDER BY revision, id"
    arrows: ClassVar = {"state": allowed(DRAWN, BEYOND)}

    @initialize()
    def a_tip_comes_in(self) -> None:
        tip = register(self.registry, place=a_place(street_address=f"Tipsgatan {next(self.numbers)}"))
        self.id, self.object_id = tip.tip_id, tip.object_id

    def do(self, method: str, asked: Variant, who: Caller = PERSON, etag: str = "") -> None:
        act: Any = ACTS[method][0]
        self.attempt(method, lambda: act(self.registry, self.id, etag or str(self.row()["revision"]), who, **asked))

    def it_goes_on(self, draw: Draw) -> None:
        method = draw(st.sampled_from(["AssessTip", "AssessTip", "DecideTip", "DecideTip", "DecideTip", "ForwardTip"]))
        self.do(method, draw(st.sampled_from(ACTS[method][1])))

    def anything_is_tried(self, draw: Draw) -> None:
        for method, (_, variants) in ACTS.items():
            for asked in draw(st.permutations(variants[1:]))[:3]:
                self.do(method, asked, etag=draw(st.sampled_from(["", "", "0"])))

    def somebody_elses_hand(self, draw: Draw) -> None:
        self.do(draw(st.sampled_from(sorted(ACTS))), RIGHT, draw(st.sampled_from([INSPECTOR, ELSEWHERE])))

    def an_operation_visits_its_object(self, draw: Draw) -> None:
        before, trail = self.row(), self.trail()
        operation = Operation(self.registry, objects=0)
        operation.change("AddVisit", controls_pb2.AddVisitRequest(object_id=self.object_id))
        waited = before["state"] == "prioritised"
        assert self.row()["state"] == ("planned_in" if waited else before["state"])
        assert self.trail() == trail + waited
        if draw(st.booleans()):
            operation.change("CancelOperation", controls_pb2.CancelOperationRequest())
            assert self.row()["state"] == before["state"]

    things = (*[it_goes_on] * 5, *[anything_is_tried] * 2, somebody_elses_hand, an_operation_visits_its_object)


def test_the_table_of_a_tip_is_the_drawing_and_what_is_beyond_it_has_a_reason() -> None:
    assert moves(LIFE) == allowed(DRAWN, BEYOND)  # type: ignore[arg-type]  # of one kind of states


def test_a_tip_moves_only_as_drawn_whoever_tries_what(controls: Controls) -> None:
    walk(TipMachine, controls, TIP_GUARDS, set(ACTS), "controls", settings(ROUND, max_examples=6))
