from datetime import UTC, date, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from services.kernel.clock import Clock, FixedClock, instant, rfc3339, timestamp
from services.kernel.ids import new_id


def test_an_instant_is_aware_and_cut_to_whole_milliseconds() -> None:
    now = Clock().now()
    assert now.tzinfo is UTC
    assert now.microsecond % 1000 == 0


def test_late_in_the_evening_utc_it_is_already_tomorrow_in_sweden() -> None:
    assert FixedClock(datetime(2026, 7, 1, 22, 30, tzinfo=UTC)).today() == date(2026, 7, 2)
    assert FixedClock(datetime(2026, 12, 1, 22, 30, tzinfo=UTC)).today() == date(2026, 12, 1)
    assert FixedClock(datetime(2025, 12, 31, 23, 0, tzinfo=UTC)).today() == date(2026, 1, 1)


def test_a_fixed_clock_stands_still_until_it_is_moved() -> None:
    clock = FixedClock(datetime(2026, 11, 23, tzinfo=UTC))
    assert clock.now() == clock.now()
    clock.advance(timedelta(hours=24))
    assert clock.today() == date(2026, 11, 24)


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9000, 1, 1)))  # noqa: DTZ001  # hypothesis wants them naive
def test_an_instant_is_the_same_through_protobuf_and_text(naive: datetime) -> None:
    moment = naive.replace(tzinfo=UTC, microsecond=naive.microsecond // 1000 * 1000)
    assert instant(timestamp(moment)) == moment
    assert datetime.fromisoformat(rfc3339(moment)) == moment


def test_text_is_utc_whatever_the_zone() -> None:
    noon = datetime(2026, 11, 23, 12, 0, tzinfo=timezone(timedelta(hours=1)))
    assert rfc3339(noon) == "2026-11-23T11:00:00.000Z"


def test_an_id_is_a_uuid_of_version_7_that_nothing_repeats() -> None:
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == len(ids)
    assert {(one.version, one.variant) for one in ids} == {(7, "specified in RFC 4122")}


def test_an_id_begins_with_the_millisecond_it_was_made_in() -> None:
    before = Clock().now()
    made = datetime.fromtimestamp((new_id().int >> 80) / 1000, UTC)
    assert before - timedelta(milliseconds=1) <= made <= Clock().now() + timedelta(milliseconds=1)
