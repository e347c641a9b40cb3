"""Measures, and what is left to do after an operation: PostgreSQL, gRPC, mTLS."""

from datetime import timedelta
from itertools import pairwise

import pytest
from los.controls.v1 import controls_pb2
from los.controls.v1 import findings_pb2 as pb

from services.kernel.callers import Caller, Role
from services.kernel.errors import Conflict, Denied, Invalid, NotFound
from tests.controls.conftest import PERSON, Controls
from tests.controls.finding_acts import ALCOHOL, INSPECTOR, STRANGER, TODAY, Day, an_id

DECIDED = pb.MeasureTerms(amount_sek="12 500", decided_date=TODAY, diary_no="MOS 2026-412", follow_up_date="2027-01-15")
KLF_PERSON = Caller("cli", "klf-samordnare-1", Role.LOS_COORDINATOR, "KLF")


def update(controls: Controls, measure_id: str, etag: str, who: Caller = INSPECTOR, **fields: object) -> pb.UpdateMeasureResponse:
    request = pb.UpdateMeasureRequest(request_id=an_id(), measure_id=measure_id, etag=etag, **fields)  # type: ignore[arg-type]
    answer: pb.UpdateMeasureResponse = controls.call("UpdateMeasure", request, who)
    return answer


def listed(controls: Controls, who: Caller = INSPECTOR, **fields: object) -> list[pb.Measure]:
    return list(controls.call("ListMeasures", pb.ListMeasuresRequest(**fields), who).measures)  # type: ignore[arg-type]


def test_a_measure_is_followed_to_its_end_and_every_step_is_in_the_history(controls: Controls) -> None:
    day = Day(controls)
    request = pb.RecordMeasureRequest(request_id=an_id(), visit_id=day.visit_id, measure_type="forelaggande")
    first, again = (controls.call("RecordMeasure", request, INSPECTOR) for _ in range(2))
    assert first == again
    etag = first.etag
    for state in (pb.MEASURE_STATE_DECIDED, pb.MEASURE_STATE_LEGALLY_BINDING, pb.MEASURE_STATE_NOT_COMPLIED, pb.MEASURE_STATE_CLOSED):
        etag = update(controls, first.measure_id, etag, terms=DECIDED, state=state).etag
    with pytest.raises(Conflict, match=r"^state: "):
        update(controls, first.measure_id, etag, terms=DECIDED)
    [kept] = listed(controls)
    assert (kept.terms.amount_sek, kept.terms.diary_no, kept.state) == ("12500.00", "MOS 2026-412", pb.MEASURE_STATE_CLOSED)
    steps = controls.rows("SELECT * FROM history WHERE record_id = %s ORDER BY revision", first.measure_id)
    assert [step["to_state"] for step in steps] == ["initiated", "decided", "legally_binding", "not_complied", "closed"]


def test_a_unit_records_what_it_may_decide_itself_and_the_coordinator_what_others_tell(controls: Controls) -> None:
    day = Day(controls)
    with pytest.raises(Invalid, match=r"^measure_type: "):
        day.measure(measure_type="kontrollavgift")
    with pytest.raises(NotFound):
        day.measure(STRANGER)
    with pytest.raises(Denied):
        day.measure(PERSON)
    with pytest.raises(Denied):
        day.told(INSPECTOR)
    with pytest.raises(NotFound):
        day.told(KLF_PERSON)
    for authority in ("skatteverket-beskattning", "kommun-tillsynsnamnd", "MOS"):
        with pytest.raises(Invalid, match=r"^authority: "):
            day.told(authority=authority)
    with pytest.raises(Invalid, match=r"^measure_type: "):
        day.told(measure_type="utmatning")
    assert listed(controls) == listed(controls, ALCOHOL) == []


def test_what_was_told_is_marked_with_who_told_it_and_passes_what_it_must_have_passed(controls: Controls) -> None:
    day = Day(controls)
    day.told(state=pb.MEASURE_STATE_COMPLIED)
    [kept] = day.board()["arbetsmiljoverket"].told_measures
    assert (kept.told_by, kept.told_date, kept.terms.amount_sek) == ("Registrator, region öst", TODAY, "12500.00")
    steps = controls.rows("SELECT * FROM history WHERE record_id = %s", kept.measure_id)
    passed = {(step["from_state"], step["to_state"]) for step in steps}
    chain = [None, "initiated", "decided", "legally_binding", "complied"]
    assert passed == set(pairwise(chain))


def test_an_own_measure_is_not_changed_as_told_nor_a_told_one_as_own_and_what_is_told_to_be_closed_has_been_followed(
    controls: Controls,
) -> None:
    day = Day(controls)
    own, told = day.measure(), day.told(state=pb.MEASURE_STATE_CLOSED)
    steps = controls.rows("SELECT * FROM history WHERE record_id = %s", told.measure_id)
    assert ("complied", "closed") in {(step["from_state"], step["to_state"]) for step in steps}
    with pytest.raises(NotFound):
        update(controls, told.measure_id, told.etag, terms=DECIDED)
    terms = pb.ToldTerms(state=pb.MEASURE_STATE_WITHDRAWN, told_by="Registrator", told_date=TODAY)
    request = pb.UpdateToldMeasureRequest(request_id=an_id(), measure_id=own.measure_id, etag=own.etag, told=terms)
    with pytest.raises(NotFound):
        controls.call("UpdateToldMeasure", request)


def test_the_coordinator_sees_of_a_units_measure_only_that_it_is_open_until_the_unit_tells(controls: Controls) -> None:
    day = Day(controls)
    new = day.measure()
    row = day.board()["MOS"]
    assert (row.measures_open, list(row.told_measures)) == (1, [])
    told = pb.MeasureTerms(tells_coordinator=True)
    told.MergeFrom(DECIDED)
    update(controls, new.measure_id, new.etag, terms=told, state=pb.MEASURE_STATE_DECIDED)
    [shown] = day.board()["MOS"].told_measures
    assert (shown.measure_type, shown.state, shown.terms.amount_sek, shown.terms.decided_date) == (
        "forelaggande",
        pb.MEASURE_STATE_DECIDED,
        "12500.00",
        TODAY,
    )
    assert (shown.terms.diary_no, shown.terms.follow_up_date) == ("", "")
    with pytest.raises(Denied):
        update(controls, new.measure_id, "2", PERSON, terms=told)
    with pytest.raises(NotFound):
        update(controls, new.measure_id, "2", ALCOHOL, terms=told)


def test_what_has_been_open_for_more_than_90_days_or_is_past_its_follow_up_is_listed_as_overdue(controls: Controls) -> None:
    day = Day(controls)
    old = day.measure(measure_type="utredning").measure_id
    followed = day.measure(terms=DECIDED, state=pb.MEASURE_STATE_DECIDED).measure_id
    ended = day.measure(measure_type="rattelse_pa_plats", state=pb.MEASURE_STATE_CLOSED).measure_id
    assert listed(controls, overdue=True) == []
    controls.clock.advance(timedelta(days=53))  # the day after 15 January
    assert [kept.measure_id for kept in listed(controls, overdue=True)] == [followed]
    controls.clock.advance(timedelta(days=37))
    assert [kept.measure_id for kept in listed(controls, overdue=True)] == [followed]
    controls.clock.advance(timedelta(days=1))
    assert [kept.measure_id for kept in listed(controls, overdue=True)] == [old, followed]
    assert [kept.overdue for kept in listed(controls)] == [True, True, False]
    assert ended in {kept.measure_id for kept in listed(controls, visit_id=day.visit_id)}
    assert list(day.board()["MOS"].overdue) == ["measures"]


def test_the_board_says_what_is_left_by_authority_in_flags_and_counts(controls: Controls) -> None:
    day = Day(controls)
    day.record()
    day.record(ALCOHOL, control_ground_id="alkohollagen-tillsyn", area="alcohol", is_deficiency=False, severity=pb.SEVERITY_UNSPECIFIED)
    board = day.board()
    assert sorted(board) == ["MOS", "SF", "arbetsmiljoverket"]
    assert [(flag.area, flag.is_deficiency) for flag in board["SF"].observations] == [("alcohol", False)]
    assert (board["MOS"].second_wave_undecided, board["SF"].second_wave_undecided, list(board["MOS"].overdue)) == (1, 0, [])
    controls.clock.advance(timedelta(days=15))
    assert list(day.board()["MOS"].overdue) == ["second_wave"]
    assert controls.call("ListAfterWork", pb.ListAfterWorkRequest(), KLF_PERSON).operations == []
    with pytest.raises(Denied):
        controls.call("ListAfterWork", pb.ListAfterWorkRequest(), INSPECTOR)


def test_the_board_of_one_operation_is_there_in_any_state_and_for_its_own_unit_alone(controls: Controls) -> None:
    day = Day(controls)
    day.complete()
    Day(controls)
    asked = pb.ListAfterWorkRequest(operation_id=day.operation_id)
    assert [one.operation_id for one in controls.call("ListAfterWork", asked).operations] == [day.operation_id]
    for theirs in (asked, pb.ListAfterWorkRequest(operation_id=an_id())):
        with pytest.raises(NotFound):
            controls.call("ListAfterWork", theirs, KLF_PERSON)


def test_the_board_names_who_has_not_told_after_fourteen_days(controls: Controls) -> None:
    day = Day(controls)
    day.complete()
    day.summarise("MOS")
    assert {name: row.summary_delivered for name, row in day.board().items()} == {"MOS": True, "SF": False, "arbetsmiljoverket": False}
    controls.clock.advance(timedelta(days=14))
    assert {name for name, row in day.board().items() if "summary" in row.overdue} == {"SF", "arbetsmiljoverket"}


def test_an_operation_is_followed_up_when_the_second_wave_is_decided_and_closed_when_no_measure_is_open(controls: Controls) -> None:
    day = Day(controls)
    observation_id, new = day.record().observation_id, day.measure(measure_type="utredning")
    day.complete()
    day.summarise("MOS")
    day.summarise("kommun-tillsynsnamnd", PERSON)
    day.summarise("arbetsmiljoverket", PERSON)
    day.change("ReportOperation", controls_pb2.ReportOperationRequest())
    with pytest.raises(Conflict, match=r"^second_wave: "):
        day.change("FollowUpOperation", controls_pb2.FollowUpOperationRequest())
    day.act("DecideNothingToTell", observation_id)
    day.change("FollowUpOperation", controls_pb2.FollowUpOperationRequest())
    with pytest.raises(Conflict, match=r"^handed_over_to: "):
        day.change("CloseOperation", controls_pb2.CloseOperationRequest())
    update(controls, new.measure_id, new.etag, terms=pb.MeasureTerms(), state=pb.MEASURE_STATE_CLOSED)
    day.change("CloseOperation", controls_pb2.CloseOperationRequest())
    for late in (day.record, day.measure, day.told):
        with pytest.raises(Conflict, match=r"^visit_id: "):
            late()
