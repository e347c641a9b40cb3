"""Operations in a month and in a week, for those who plan them and those who are invited. Weeks are ISO's, Monday first."""

import re
from calendar import MONDAY, Calendar
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import holidays
from babel.dates import format_date
from fastapi import APIRouter, Request, Response
from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2 as pb

from services.gateway.controls_frame import LEADS, Frame, local
from services.gateway.door import Door, Who
from services.gateway.law import today
from services.gateway.web import PAGES, page
from services.kernel.callers import Role
from services.kernel.errors import Invalid

ROWS = 100
YEARS = range(2020, 2100)
WEEK = timedelta(days=7)
MONTH_FORM = re.compile(r"(\d{4})-(\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Entry:
    """An operation on one of its days: where its page is, and from when, if that is known."""

    path: str
    label: str
    clock: str
    state: int


@dataclass(frozen=True, slots=True)
class Day:
    """A day with what happens on it. `can_plan`: it has not passed."""

    date: date
    holiday: str
    entries: list[Entry]
    can_plan: bool


def routes(door: Door) -> APIRouter:
    """The calendar."""
    router, pages = APIRouter(), _Pages(door)
    router.add_api_route("/kalender", pages.month, methods=["GET"])
    router.add_api_route("/kalender/vecka", pages.week, methods=["GET"])
    return router


class _Pages(Frame):
    def month(self, request: Request, manad: str = "") -> Response:
        """Whole weeks, so that the first and the last may begin or end in another month."""
        who = self._door.allowed(request, LEADS)
        first = _month(manad) if manad else today().replace(day=1)
        weeks = Calendar(MONDAY).monthdatescalendar(first.year, first.month)
        days, more = self._days(who, [day for week in weeks for day in week])
        return page(
            request,
            "calendar_month.html",
            first=first,
            weeks=[days[number : number + 7] for number in range(0, len(days), 7)],
            before=(first - timedelta(days=1)).replace(day=1),
            after=(first + timedelta(days=31)).replace(day=1),
            today=today(),
            plans=who.role is Role.LOS_COORDINATOR,
            more=more,
        )

    def week(self, request: Request, fran: str = "") -> Response:
        """Seven days, one under the other: for a phone, and to print."""
        who = self._door.allowed(request, LEADS)
        day = _day(fran) if fran else today()
        monday = day - timedelta(days=day.weekday())
        days, more = self._days(who, [monday + timedelta(days=number) for number in range(7)])
        plans = who.role is Role.LOS_COORDINATOR
        return page(
            request,
            "calendar_week.html",
            monday=monday,
            days=days,
            before=monday - WEEK,
            after=monday + WEEK,
            today=today(),
            plans=plans,
            more=more,
        )

    def _days(self, who: Who, dates: list[date]) -> tuple[list[Day], bool]:
        """The days with their operations, the own first; and whether there were more than are shown."""
        controls, found, more = self._controls(who), list[tuple[date, Entry]](), False
        for invited in (False, True) if who.role is Role.LOS_COORDINATOR else (True,):
            wanted = pb.ListOperationsRequest(
                page=common_pb2.Page(page_size=ROWS), from_date=dates[0].isoformat(), to_date=dates[-1].isoformat(), invited=invited
            )
            listed = controls.ListOperations(wanted)
            found += [
                one for row in listed.operations for one in _entries(row, "/dag" if who.role is Role.INSPECTOR else "", invited=invited)
            ]
            more = more or bool(listed.next_page_token)
        free = holidays.country_holidays("SE", language="sv", years={dates[0].year, dates[-1].year})
        return [
            Day(day, free.get(day, ""), sorted((e for at, e in found if at == day), key=lambda e: e.clock), day >= today()) for day in dates
        ], more


def _entries(row: pb.OperationRow, day_page: str, *, invited: bool) -> Iterable[tuple[date, Entry]]:
    """An operation on each day of its window; who has not said yes to coming knows the days and nothing else."""
    known = row.HasField("planned_start")
    path = f"/insatser/{row.operation_id}"
    if invited:
        path = f"{path}{day_page}" if known and day_page else f"/inbjudningar/{row.operation_id}"
    entry = Entry(path, row.label, f"{local(row.planned_start):%H:%M}" if known else "", row.state)
    first, last = date.fromisoformat(row.window_start), date.fromisoformat(row.window_end)
    days = 1 if known else (last - first).days + 1
    return [(first + timedelta(days=number), entry) for number in range(days)]


def _month(text: str) -> date:
    """The first day of a month. Raises Invalid."""
    found = MONTH_FORM.fullmatch(text)
    if found is None or int(found[1]) not in YEARS or not 1 <= int(found[2]) <= 12:  # noqa: PLR2004  # months
        raise Invalid("Skriv månaden som 2026-11.")
    return date(int(found[1]), int(found[2]), 1)


def _day(text: str) -> date:
    """A day. Raises Invalid."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Invalid("Skriv dagen som 2026-11-28.") from None
    if day.year not in YEARS:
        raise Invalid("Skriv dagen som 2026-11-28.")
    return day


PAGES.filters |= {
    "month_word": lambda day: format_date(day, "LLLL y", locale="sv_SE"),
    "day_word": lambda day: format_date(day, "EEEE d MMMM", locale="sv_SE"),
    "week_number": lambda day: f"v. {day.isocalendar().week}",
}
