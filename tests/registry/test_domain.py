"""Rules of alerts and payments as plain values; no network, a fixed day."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel import cells
from services.kernel.callers import Role
from services.kernel.errors import Conflict, Invalid
from services.kernel.ids import new_id
from services.kernel.life import Actor
from services.kernel.protection import Protection
from services.kernel.reference import reference
from services.kernel.rows import Judged, Layout, Result
from services.registry.domain import alert, alert_life, payment
from services.registry.domain.alert import Alert, Content, Report
from services.registry.domain.record import Context, ProtectionCheck
from services.registry.wire import alerts as alert_wire
from services.registry.wire import payments as payment_wire
from tests.registry.builders import PERSON, a_flag, a_report

TODAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
CONTEXT = Context(TODAY, "KLF", "5599990180")
PAYMENT_CONTEXT = Context(TODAY, "IAF")
ACTOR = Actor("p", Role.ALERT_OFFICER, NOW, TODAY)
ALERT_HEADINGS = tuple(field.heading for field in alert.TABLE.fields)
PAYMENT_HEADINGS = tuple(field.heading for field in payment.TABLE.fields)


def a_read_report(**more: Any) -> Report:  # noqa: ANN401
    return alert.read_report(alert_wire.report_texts(a_report(**more)), CONTEXT)


def an_alert(**more: Any) -> Alert:  # noqa: ANN401
    return Alert(new_id(), "KLF", alert.State.SCREENED, 1, NOW, "hyresvard-1", Content(a_read_report(**more)))


def test_the_first_fault_is_the_first_in_the_order_of_the_files_columns() -> None:
    headings = tuple(reversed(ALERT_HEADINGS))
    layout = Layout.of(headings, alert.TABLE)
    judged = alert.judge(layout, 1, ["?"] * len(headings), CONTEXT)
    assert judged.verdict.column == "Antal pers."  # the note is any text; the next column from the left is at fault
    forwards = alert.judge(Layout.of(ALERT_HEADINGS, alert.TABLE), 1, ["?"] * len(headings), CONTEXT)
    assert forwards.verdict.column == "Org.nr hyresvärd"


def test_headings_are_found_whatever_case_and_spacing_and_told_as_the_file_has_them() -> None:
    headings = tuple(f" {name.upper()}  " for name in ALERT_HEADINGS)
    judged = alert.judge(Layout.of(headings, alert.TABLE), 1, [""] * len(headings), CONTEXT)
    assert judged.verdict.column == "ORG.NR HYRESVÄRD"


def test_one_heading_twice_is_refused() -> None:
    with pytest.raises(Invalid, match="två gånger: Ort"):
        Layout.of((*ALERT_HEADINGS, "ort"), alert.TABLE)


KNOWN_CELLS = (PERSON, "559999-0180", "2026-09-24", "24/9 2026", "tom lägenhet", "granne", "1201", "582 22", "ja", "IAF", "bostadsbidrag")
MORE_CELLS = ("CSN", "12,5", "2026-04", "ekonomiskt bistånd", "hyresvärd", "=1+1", "fel hushåll, studier")
LIKE_A_CELL = st.one_of(st.text(max_size=30), st.sampled_from(KNOWN_CELLS + MORE_CELLS))


@given(st.lists(LIKE_A_CELL, min_size=14, max_size=18))
def test_no_row_makes_the_judge_fall_and_no_answer_repeats_a_cell(row: list[str]) -> None:
    alert_layout, payment_layout = Layout.of(ALERT_HEADINGS, alert.TABLE), Layout.of(PAYMENT_HEADINGS, payment.TABLE)
    judged: list[Judged[Any]] = [alert.judge(alert_layout, 1, row, CONTEXT), payment.judge(payment_layout, 1, row, PAYMENT_CONTEXT)]
    ours = " ".join((*cells.TEXTS.values(), *ALERT_HEADINGS, *PAYMENT_HEADINGS, *words())).casefold()
    for answer in judged:
        assert (answer.record is None) == (answer.verdict.result is Result.REJECTED)
        for cell in row:
            assert cell.casefold() in ours or cell not in answer.verdict.message or cell.strip() in {"", "1"}


def words() -> tuple[str, ...]:
    """Every word of ours that a message may hold, and the frame of a message."""
    facts = reference()
    lists = (facts.sources, facts.observations, facts.causes, facts.benefits, facts.schemes, facts.impulses)
    return (*(word for rows in lists for word in rows.words), "Rad 1, kolumn : ja, nej.")


@st.composite
def reports(draw: st.DrawFn) -> dict[str, object]:
    """Any report that can be written down."""
    text = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=40)
    start = draw(st.dates(date(1990, 1, 1), TODAY))
    observations, sources = [row.code for row in reference().observations], [row.code for row in reference().sources]
    return {
        "property_designation": draw(text),
        "street_address": draw(text),
        "city": draw(text),
        "postal_code": str(draw(st.integers(10000, 99999))),
        "apartment_number": draw(st.sampled_from(["", "1201", "0901"])),
        "contract_holder_id_number": draw(st.sampled_from(["", PERSON, "193104819093"])),
        "observed_from": start.isoformat(),
        "observed_to": draw(st.dates(start, TODAY)).isoformat(),
        "observation_types": draw(st.lists(st.sampled_from(observations), min_size=1, max_size=5)),
        "source_kind": draw(st.sampled_from(sources)),
        "estimated_persons": draw(st.one_of(st.none(), st.integers(0, 99))),
    }


@given(reports())
def test_a_report_through_the_wire_and_back_is_the_same(fields: dict[str, object]) -> None:
    try:
        report = a_read_report(**fields)
    except Exception as error:  # noqa: BLE001
        assert "characters" in str(error) or "too_long" in str(error)  # noqa: PT017
        return
    assert alert.read_report(alert_wire.report_texts(alert_wire.report_message(report)), CONTEXT) == report
    assert alert_wire.report_message(report).SerializeToString()


@given(
    st.sampled_from(["", "0", "12,50", "1 234 567,8", "99999"]),
    st.lists(st.sampled_from([row.code for row in reference().causes]), min_size=1, max_size=4),
    st.booleans(),
)
def test_a_flag_through_the_wire_and_back_is_the_same(amount: str, causes: list[str], doubted: bool) -> None:  # noqa: FBT001
    message = a_flag(suspected_amount_sek=amount, causes=causes, population_register_doubted=doubted)
    flag = payment.read_flag(payment_wire.flag_texts(message), PAYMENT_CONTEXT)
    assert payment.read_flag(payment_wire.flag_texts(payment_wire.flag_message(flag)), PAYMENT_CONTEXT) == flag


def test_no_state_but_an_open_one_can_be_assessed() -> None:
    asked = alert.Assessed(alert.Assessment.NOT_ENOUGH, "skäl", wrong_flat_checked=True)
    check = ProtectionCheck(Protection.NONE, NOW)
    for state in alert.State:
        record = replace(an_alert(), state=state)
        if state in {alert.State.SCREENED, alert.State.ASSESSED}:
            assert alert_life.assess(record, asked, check, ACTOR).record.state is alert.State.NO_ACTION
        else:
            for result in Protection:  # a landlord who has seen it closed must not see it open again
                with pytest.raises(Conflict):
                    alert_life.assess(record, asked, replace(check, result=result), ACTOR)


def test_a_check_of_protection_is_good_for_exactly_a_day() -> None:
    ProtectionCheck(Protection.NONE, NOW - timedelta(hours=24)).require_fresh(NOW)
    for check in (
        ProtectionCheck(Protection.NONE, NOW - timedelta(hours=24, milliseconds=1)),
        ProtectionCheck(Protection.NONE),
        ProtectionCheck(Protection.UNKNOWN, NOW),
    ):
        with pytest.raises(Invalid, match="protection_check"):
            check.require_fresh(NOW)


def test_weak_observations_are_never_told() -> None:
    every = [row.code for row in reference().observations]
    told = {fact.code for fact in an_alert(observation_types=every).circumstances}
    assert told == {row.code for row in reference().observations if not row.weak}


def test_everything_that_was_said_is_in_what_makes_two_reports_the_same_or_need_not_be() -> None:
    base = a_read_report()
    for field, value in [
        ("street_address", "Exempelgatan 2"),
        ("postal_code", "58200"),
        ("apartment_number", "1202"),
        ("contract_holder_id_number", "199411302392"),
        ("observed_to", "2026-10-07"),
    ]:
        assert a_read_report(**{field: value}).same_as != base.same_as
    same: list[dict[str, Any]] = [{"contract_holder_name": "Någon"}, {"street_address": "EXEMPELGATAN  1"}, {"estimated_persons": 3}]
    for more in same:
        assert a_read_report(**more).same_as == base.same_as


def test_what_needs_review_needs_the_officers_own_fact_whatever_the_reason() -> None:
    asked = alert.Assessed(alert.Assessment.ASSUME_ERROR, "skäl", True, "left_sweden", True)  # noqa: FBT003
    check = ProtectionCheck(Protection.NONE, NOW)
    record = an_alert()
    assert alert_life.assess(record, asked, check, ACTOR).record.state is alert.State.ASSESSED
    with pytest.raises(Invalid, match="own_facts"):
        alert_life.assess(replace(record, needs_review=True), asked, check, ACTOR)
