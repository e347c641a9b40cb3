"""The states of a measure, driven at random against the real service: a unit's own, and one that an authority outside told of.

What is refused changes nothing; what is done is an arrow of workflows 4.1, appended to the history; and every guard has said no.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import initialize
from los.controls.v1 import findings_pb2 as pb

from services.controls.domain.measures import LIFE, State
from services.kernel.callers import Caller
from tests.controls.conftest import PERSON, Controls
from tests.controls.finding_acts import ALCOHOL, COLLEAGUE, INSPECTOR, STRANGER, TODAY, Day, an_id
from tests.registry.drawing import allowed, edges, moves
from tests.registry.machine import RIGHT, SHORT, Draw, Machine, Variant, walk

DRAWN = edges("""
    initiated > decided
    decided > appealed, legally_binding
    appealed > legally_binding
    legally_binding > complied, not_complied
    complied > closed
    not_complied > closed
    initiated > withdrawn
    decided > withdrawn
    appealed > withdrawn
    legally_binding > withdrawn
""")
BEYOND: Mapping[str, frozenset[tuple[str, str]]] = {
    "what is no decision (correction on the spot, police report, inquiry) gains no legal force: it ends when it is done": edges(
        "initiated > closed"
    ),
}
STATES = {state.value: pb.MeasureState.Value(f"MEASURE_STATE_{state.name}") for state in State}
DECISION: Variant = {"decided_date": TODAY, "diary_no": "MOS 2026-412", "amount_sek": "12500"}
TYPES = ("forelaggande", "byggsanktionsavgift", "utredning")
TERMS: tuple[Variant, ...] = (
    DECISION,
    DECISION | {"follow_up_date": "2027-01-15", "tells_coordinator": True},
    {},
    {"decided_date": TODAY},
    {"decided_date": TODAY, "diary_no": "MOS 2026-412"},
    DECISION | {"decided_date": "2026-11-23"},
    DECISION | {"decided_date": "2027-11-24"},
    DECISION | {"decided_date": "i går"},
    DECISION | {"follow_up_date": "2026-11-01"},
    DECISION | {"amount_sek": "-1"},
    DECISION | {"diary_no": "19941130-2392"},
)
TOLD: tuple[Variant, ...] = (
    {"told_by": "Registrator", "told_date": TODAY, **{name: DECISION[name] for name in ("decided_date", "amount_sek")}},
    {"told_by": "Registrator", "told_date": TODAY},
    {"told_by": "Registrator", "told_date": TODAY, "decided_date": TODAY},
    {"told_by": "Registrator", "told_date": "2026-11-20", "decided_date": TODAY},
    {"told_by": "19941130-2392", "told_date": TODAY, "decided_date": TODAY},
)
GUARDS = {
    *(("UpdateMeasure", field) for field in ("state", "decided_date", "diary_no", "amount_sek", "measure_type", "follow_up_date", "etag")),
    *(("UpdateToldMeasure", field) for field in ("state", "decided_date", "amount_sek", "told_date", "told_by", "etag")),
    ("UpdateMeasure", "NOT_FOUND"),
    ("UpdateToldMeasure", "NOT_FOUND"),
    ("UpdateMeasure", "DENIED"),
    ("UpdateToldMeasure", "DENIED"),
}


class MeasureMachine(Machine):
    """One measure, of MOS or told by Arbetsmiljöverket."""

    query = "SELECT * FROM measure WHERE id = %s"
    steps = "SELECT *, '' AS track FROM history WHERE record_id = %s ORDER BY revision, id"
    arrows: ClassVar = {"state": allowed(DRAWN, BEYOND)}
    day: ClassVar[Day]

    @initialize(told=st.booleans(), kind=st.sampled_from(TYPES))
    def begin(self, told: bool, kind: str) -> None:  # noqa: FBT001
        self.told = told
        self.id = (self.day.told() if told else self.day.measure(measure_type=kind)).measure_id

    def do(self, state: str, terms: Variant, who: Caller | None = None, etag: str = "", *, told: bool | None = None) -> None:
        told = self.told if told is None else told
        etag = etag or str(self.row()["revision"])
        if told:
            request: Any = pb.UpdateToldMeasureRequest(told=pb.ToldTerms(**terms, state=STATES[state]))
        else:
            request = pb.UpdateMeasureRequest(terms=pb.MeasureTerms(**terms), state=STATES[state])
        request.request_id, request.measure_id, request.etag = an_id(), self.id, etag
        method = "UpdateToldMeasure" if told else "UpdateMeasure"
        self.attempt(method, lambda: self.registry.call(method, request, who or (PERSON if told else INSPECTOR)))

    def it_goes_on(self, draw: Draw) -> None:
        onward = sorted(LIFE.next.get(State(self.row()["state"]), frozenset()) - {State.WITHDRAWN}) or [State.CLOSED]
        terms = draw(st.sampled_from(TOLD[:1] if self.told else TERMS[:2]))
        if self.row()["measure_type"] == "utredning":
            terms = RIGHT
        self.do(draw(st.sampled_from(onward)), terms, draw(st.sampled_from([None, None if self.told else COLLEAGUE])))

    def anything_is_tried(self, draw: Draw) -> None:
        for _ in range(3):
            state = draw(st.sampled_from([*sorted(STATES)[:-1], *["decided"] * 6]))  # most is asked of a decision
            self.do(state, draw(st.sampled_from(TOLD if self.told else TERMS)), etag=draw(st.sampled_from(["", "", "0"])))

    def somebody_elses_hand(self, _: Draw) -> None:
        for who in (ALCOHOL, STRANGER, PERSON, INSPECTOR):
            if who != (PERSON if self.told else INSPECTOR):
                self.do("decided", TOLD[0] if self.told else DECISION, who)
        self.do("decided", DECISION if self.told else TOLD[0], told=not self.told)

    def it_is_taken_back(self, _: Draw) -> None:
        self.do("withdrawn", TOLD[0] if self.told else RIGHT)

    things = (*[it_goes_on] * 4, *[anything_is_tried] * 4, somebody_elses_hand, it_is_taken_back)


def test_the_table_of_a_measure_is_the_drawing_and_what_is_beyond_it_has_a_reason() -> None:
    assert moves(LIFE) == allowed(DRAWN, BEYOND)  # type: ignore[arg-type]  # of one kind of states


def test_a_measure_moves_only_as_drawn_whoever_tries_what(controls: Controls) -> None:
    MeasureMachine.day = Day(controls)
    walk(MeasureMachine, controls, GUARDS, {"UpdateMeasure", "UpdateToldMeasure"}, "controls", SHORT)
