import csv
from datetime import UTC, datetime, timedelta

import pytest

from services.controls.domain.opening_hours import read_hours
from tests.controls.test_rows import SAMPLE

H = 60


@pytest.mark.parametrize(
    ("text", "monday", "sunday"),
    [
        ("mån-fre 08-17", ((8 * H, 17 * H),), ()),
        ("mån–sön 11–23", ((11 * H, 23 * H),), ((11 * H, 23 * H),)),
        ("Mån-fre: 08:00-17:00, lör-sön 10.30-15", ((8 * H, 17 * H),), ((10 * H + 30, 15 * H),)),
        ("mån, ons och fre kl 10-18; sön stängt", ((10 * H, 18 * H),), ()),
        ("fre-mån 17-02", ((17 * H, 26 * H),), ((17 * H, 26 * H),)),
        ("mån-fre 11-14 17-22", ((11 * H, 14 * H), (17 * H, 22 * H)), ()),
        ("dygnet runt", ((0, 24 * H),), ((0, 24 * H),)),
        ("alla dagar 10-20", ((10 * H, 20 * H),), ((10 * H, 20 * H),)),
    ],
)
def test_hours_are_read_as_users_write_them(text: str, monday: object, sunday: object) -> None:
    hours = read_hours(text)
    assert hours is not None
    assert (hours.by_day[0], hours.by_day[6]) == (monday, sunday)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10-18",
        "mån-fre",
        "enligt överenskommelse",
        "mån-fre 08-17 (lunch 12-13)",
        "mån-sön 11-23 fre 11-02",  # Friday twice: which one?
        "vardagar 10-18",  # to some Saturday is one
        "mån-fre 25-30",
        "mån-fre 08-08",
        "mån-fre 10-18 12-20",
        "mån-fre 10-18 stängt",
        "mån 10:75-18",
    ],
)
def test_what_cannot_be_read_without_guessing_is_unknown(text: str) -> None:
    assert read_hours(text) is None


def test_every_opening_hour_of_the_sample_is_read() -> None:
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        texts = {row["Öppet"] for row in csv.DictReader(file, delimiter=";")}
    assert texts
    assert all(read_hours(text) is not None for text in texts)


def test_windows_are_counted_from_the_start_and_the_night_before_counts() -> None:
    hours = read_hours("tors-fre 17-02")
    assert hours is not None
    start = datetime(2026, 12, 3, 23, tzinfo=UTC)  # Friday midnight in Sweden
    assert hours.windows(start, start + timedelta(hours=6))[:2] == ((-7 * H, 2 * H), (17 * H, 26 * H))


def test_opening_hours_are_the_clock_on_the_wall_when_the_clocks_change() -> None:
    hours = read_hours("lör-sön 22-06")
    assert hours is not None
    start = datetime(2026, 3, 28, 20, tzinfo=UTC)  # Saturday 21:00; the hour after two does not exist that night
    assert hours.windows(start, start + timedelta(hours=8))[0] == (1 * H, 8 * H)
