"""An observation and its second wave, driven at random against the real service: whoever tries what, in any order.

What is refused changes nothing; every guard has said no; and what lies in sharing's tray is at all times what stands.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant
from los.controls.v1 import findings_pb2 as pb

from services.controls.domain.findings import LIFE, receivers
from services.kernel.callers import Caller
from tests.controls.conftest import PERSON, Controls
from tests.controls.finding_acts import ALCOHOL, COLLEAGUE, INSPECTOR, STRANGER, Day, an_id, seen
from tests.registry.drawing import edges, moves
from tests.registry.machine import RIGHT, SHORT, Draw, Machine, Variant, walk

DRAWN = edges("""
    recorded > recorded, withdrawn
""")
FINE: Variant = {"is_deficiency": False, "severity": pb.SEVERITY_UNSPECIFIED}
ENVIRONMENT: Variant = {"control_ground_id": "miljobalken-tillsyn", "area": "environment"}
SEEN: tuple[Variant, ...] = (RIGHT, FINE, ENVIRONMENT, {"area": "other"}, {"text": "Sex madrasser"})
WRONG: tuple[Variant, ...] = (
    {"severity": pb.SEVERITY_UNSPECIFIED},
    {"area": "food"},
    {"control_ground_id": "aml-tillsyn"},
    {"text": "19941130-2392"},
)
RECEIVERS = (*sorted(receivers()), "kronofogden")
METHODS = ("ChangeObservation", "WithdrawObservation", "OfferFinding", "WithdrawFinding", "DecideNothingToTell")
GUARDS = {
    *((method, refusal) for method in METHODS for refusal in ("etag", "NOT_FOUND", "DENIED")),
    *(("ChangeObservation", field) for field in ("state", "severity", "area", "control_ground_id", "text")),
    ("WithdrawObservation", "state"),
    *(("OfferFinding", field) for field in ("state", "is_deficiency", "area", "object", "receiver_kind", "offence_suspected")),
    ("DecideNothingToTell", "second_wave"),
}


class FindingMachine(Machine):
    """One observation of MOS, at a company or at what may be a home."""

    query = "SELECT * FROM observation WHERE id = %s"
    steps = "SELECT *, '' AS track FROM history WHERE record_id = %s AND record_kind = 'observation' ORDER BY revision, id"
    arrows: ClassVar = {"state": DRAWN}
    days: ClassVar[Mapping[bool, Day]]

    @initialize(home=st.sampled_from([False, False, True]), what=st.sampled_from([RIGHT, RIGHT, FINE, ENVIRONMENT]))
    def begin(self, home: bool, what: Variant) -> None:  # noqa: FBT001
        self.id = self.days[home].record(**what).observation_id

    def do(self, method: str, who: Caller = INSPECTOR, etag: str = "", **fields: Any) -> None:  # noqa: ANN401
        request = getattr(pb, f"{method}Request")(request_id=an_id(), observation_id=self.id, **fields)
        request.etag = etag or str(self.row()["revision"])
        self.attempt(method, lambda: self.registry.call(method, request, who))

    def fields_of(self, draw: Draw, method: str) -> dict[str, Any]:
        if method == "ChangeObservation":
            return {"seen": seen(**draw(st.sampled_from(SEEN)))}
        if method == "OfferFinding":
            return {"receiver_kind": draw(st.sampled_from(RECEIVERS)), "offence_suspected": draw(st.sampled_from([False, False, True]))}
        return {"receiver_kind": draw(st.sampled_from(RECEIVERS))} if method == "WithdrawFinding" else {}

    def something_is_done(self, draw: Draw) -> None:
        for method in draw(st.permutations([method for method in METHODS if method != "WithdrawObservation"])):
            self.do(method, draw(st.sampled_from([INSPECTOR, COLLEAGUE])), **self.fields_of(draw, method))

    def somebody_else_tries(self, draw: Draw) -> None:
        who, etag = draw(st.sampled_from([(ALCOHOL, ""), (STRANGER, ""), (PERSON, ""), (INSPECTOR, "0")]))
        for method in METHODS:
            self.do(method, who, etag, **self.fields_of(draw, method))

    def something_wrong_is_said(self, draw: Draw) -> None:
        self.do("ChangeObservation", seen=seen(**draw(st.sampled_from(WRONG))))

    def it_was_recorded_wrongly(self, draw: Draw) -> None:
        self.do("WithdrawObservation")
        for method in METHODS:
            self.do(method, **self.fields_of(draw, method))

    things = (*[something_is_done] * 5, *[somebody_else_tries] * 2, *[something_wrong_is_said] * 2, it_was_recorded_wrongly)

    @invariant()
    def the_tray_holds_what_stands(self) -> None:
        if not self.id:
            return
        self.registry.outbox.run_once()
        offers = self.rows("SELECT * FROM finding_offer WHERE observation_id = %s")
        for offer in offers:
            latest = self.registry.sharing.contents(self.id, offer["receiver_kind"])[-1:]
            assert latest in ([["withdrawn"], []] if offer["withdrawn"] else [["control_finding"]])  # taken back before it went: nothing
        row = self.row()
        if row["state"] == "withdrawn" or not row["is_deficiency"] or row["area"] == "other":
            assert all(offer["withdrawn"] for offer in offers)


def test_the_table_of_an_observation_is_the_drawing() -> None:
    assert moves(LIFE) == DRAWN  # type: ignore[arg-type]  # of one kind of states


def test_an_observation_and_what_is_told_of_it_hold_whoever_tries_what(controls: Controls) -> None:
    home: Variant = {"org_number": None, "company_name": "", "trading_name": "", "sni_code": ""}
    FindingMachine.days = {True: Day(controls, begun=False, **home), False: Day(controls)}
    FindingMachine.days[True].begin()
    walk(FindingMachine, controls, GUARDS, set(METHODS), "controls", SHORT)
