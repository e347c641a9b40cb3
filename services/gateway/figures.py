"""Figures of closed quarters and years, as they were published: on a page with bars beside the numbers, as a workbook, as a PDF."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import grpc
from babel.dates import format_date
from babel.numbers import format_decimal
from fastapi import APIRouter, Request, Response
from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2 as controls
from los.registry.v1 import registry_pb2 as registry
from los.sharing.v1 import sharing_pb2 as sharing

from services.gateway.door import Door, Who
from services.gateway.forms import Sent
from services.gateway.law import today
from services.gateway.reports import Report, Table, Value, answer
from services.gateway.web import go_to, moment, page
from services.kernel.callers import Role
from services.kernel.clock import STOCKHOLM
from services.kernel.errors import Conflict, Invalid, NotFound
from services.kernel.rpc import failure_of

YEARS = 3
"""How far back the figures are offered."""
WHOLE_READERS = frozenset({Role.SECURITY_CHIEF, Role.ANALYST})
READERS = WHOLE_READERS | {Role.LOS_COORDINATOR}
"""A coordinator reads of operations alone: they count places (docs/adr/0009)."""
HIDDEN = "visas inte"
HIDING = "Tal under fem visas inte, och inte heller tal som skulle avslöja ett sådant."
COUNT = "antal"
COLUMNS = ("Uppdelning", "Vad", "Värde", "Enhet")


@dataclass(frozen=True, slots=True)
class Bar:
    """A row with its number as it is read (`visas inte` where it is hidden), and how much of the longest bar it is, in per cent."""

    word: str
    number: str
    share: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """The rows of one breakdown, or the quarters."""

    heading: str
    column: str
    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True)
class Indicator:
    """What was counted: the period's whole and amounts, then charts."""

    heading: str
    method: str
    whole: Sequence[tuple[str, str]]
    charts: Sequence[Chart]


def routes(door: Door) -> APIRouter:
    """The figures."""
    router, pages = APIRouter(), _Pages(door)
    router.add_api_route("/statistik", pages.figures, methods=["GET"])
    router.add_api_route("/statistik/{period}.{kind}", pages.file, methods=["GET"])
    return router


def start(door: Door, request: Request, who: Who) -> Response:  # noqa: ARG001  # as the other starts
    """Who reads aggregates alone begins with them."""
    return go_to("/statistik")


class _Pages:
    def __init__(self, door: Door) -> None:
        self._door = door

    def figures(self, request: Request, period: str = "") -> Response:
        """A quarter beside the three before it, or a year with its quarters and breakdowns."""
        who = self._door.allowed(request, READERS)
        offered = _periods()
        chosen = period or self._latest(who, offered)
        said = Sent({"period": [chosen]})
        found: dict[str, list[common_pb2.Statistics]] = {}
        if chosen in offered:
            found = self._published(who, {chosen, *_quarters(chosen)})
        else:
            said = said.wrong(Invalid("period: välj en av perioderna."))
        closed = next((one.closed_time for one in found.get(chosen, [])), None)
        return page(
            request,
            "statistics.html",
            said.status,
            said=said,
            indicators=list(_indicators(found, chosen)) if found else [],
            periods=[(code, _word(code)) for code in offered],
            period=chosen,
            word=_word(chosen) if closed else "",
            closed=closed,
            hiding=HIDING,
            asked=_word(chosen) if chosen in offered else "",
            going_on=_word(_now()),
            counted_on=str(format_date(_end(_now()), "d MMMM y", locale="sv_SE")),
            of_year=_now().endswith("4"),
        )

    def file(self, request: Request, period: str, kind: str) -> Response:
        """The same figures to take home. Raises NotFound, also when nothing is published of the period."""
        who = self._door.allowed(request, READERS)
        if kind not in {"pdf", "xlsx"} or period not in _periods():
            raise NotFound
        found = self._published(who, {period})[period]
        if not found:
            raise NotFound
        return answer(_report(found, period, who), kind, f"statistik-{period.lower()}")

    def _latest(self, who: Who, offered: Sequence[str]) -> str:
        """The last quarter, or the last year while nothing of that quarter has been published."""
        quarter, year = offered[0], str(today().year - 1)
        return year if self._published(who, {year})[year] and not self._published(who, {quarter})[quarter] else quarter

    def _published(self, who: Who, periods: set[str]) -> dict[str, list[common_pb2.Statistics]]:
        """What each service that the person may ask has published of the periods; nothing of a period that is not over."""
        services = self._door.services(who)
        sources: list[tuple[Any, Any]] = [(services.controls, controls)]
        if who.role in WHOLE_READERS:
            sources = [(services.registry, registry), *sources, (services.sharing, sharing)]
        asked = {  # all at once: a page of a year asks fifteen times
            period: [
                stub.GetStatistics.future(pb.GetStatisticsRequest(period=common_pb2.StatisticsPeriod(name=period))) for stub, pb in sources
            ]
            for period in periods
        }
        return {period: [one for call in calls if (one := _told(call)) is not None] for period, calls in asked.items()}


def _told(call: Any) -> common_pb2.Statistics | None:  # noqa: ANN401  # grpc's future
    """What a service answered; None when it has published nothing of the period. Raises its planned failure."""
    try:
        found: common_pb2.Statistics = call.result().statistics
    except grpc.RpcError as error:
        failure = failure_of(error)
        if isinstance(failure, Conflict):
            return None
        raise failure from None
    return found


def _indicators(found: Mapping[str, list[common_pb2.Statistics]], chosen: str) -> Iterator[Indicator]:
    """Each indicator that any of the periods has, in the services' order."""
    by_period = {period: {table.name: table for one in answers for table in one.tables} for period, answers in found.items()}
    quarters = _quarters(chosen)
    for name, any_table in {name: table for tables in by_period.values() for name, table in tables.items()}.items():
        table = by_period[chosen].get(name)
        rows = list(table.rows) if table is not None else []
        over_time = [(quarter, by_period[quarter][name].rows[0]) for quarter in quarters if name in by_period.get(quarter, {})]
        charts = (
            [Chart("Kvartal för kvartal", "Kvartal", _bars([(_word(quarter), row) for quarter, row in over_time]))] if over_time else []
        )
        for breakdown in dict.fromkeys(row.breakdown for row in rows if row.breakdown):
            mine = [row for row in rows if row.breakdown == breakdown]
            charts.append(
                Chart(f"Efter {mine[0].breakdown_heading}", mine[0].breakdown_heading, _bars([(row.word or row.code, row) for row in mine]))
            )
        whole = [(row.heading, _number(row) if row.unit == COUNT else f"{_number(row)} {row.unit}") for row in rows if not row.breakdown]
        yield Indicator(any_table.heading, any_table.method, whole, charts)


def _bars(rows: Sequence[tuple[str, common_pb2.StatisticsRow]]) -> list[Bar]:
    longest = max((Decimal(row.value) for _, row in rows if row.HasField("value")), default=Decimal())
    return [
        Bar(word, _number(row), int(Decimal(row.value) / longest * 100) if row.HasField("value") and longest else 0, _since(row))
        for word, row in rows
    ]


def _number(row: common_pb2.StatisticsRow) -> str:
    return str(format_decimal(Decimal(row.value), locale="sv_SE")) if row.HasField("value") else HIDDEN


def _since(row: common_pb2.StatisticsRow) -> str:
    return f"från och med {_word(row.since)}" if row.since else ""


def _report(found: Sequence[common_pb2.Statistics], period: str, who: Who) -> Report:
    facts = [
        ("Period", _word(period)),
        ("Stängd", moment(found[0].closed_time)),
        ("Uttagen", f"{datetime.now(STOCKHOLM):%Y-%m-%d %H:%M}, {who.caller.unit}"),
        ("Läs så här", f"Siffrorna är de som publicerades när perioden stängdes. {HIDING}"),
    ]
    tables = [Table(table.heading, table.method, COLUMNS, [_cells(row) for row in table.rows]) for one in found for table in one.tables]
    return Report(f"Statistik {_word(period)}", facts, tables)


def _cells(row: common_pb2.StatisticsRow) -> list[Value]:
    of = f"{row.breakdown_heading}: {row.word or row.code}" if row.breakdown else "Alla"
    what = f"{row.heading} ({_since(row)})" if row.since else row.heading
    return [of, what, Decimal(row.value) if row.HasField("value") else HIDDEN, row.unit]


def _word(period: str) -> str:
    return f"{period[:4]}, kvartal {period[-1]}" if "-" in period else f"hela {period}"


def _quarters(period: str) -> list[str]:
    """A year's quarters; or a quarter and the three before it."""
    last = _number_of(period if "-" in period else f"{period}-Q4")
    return [_quarter(number) for number in range(last - 3, last + 1)]


def _periods() -> list[str]:
    """The quarters that are over, the latest first, and the years."""
    this, year = _number_of(_now()), today().year
    quarters = [_quarter(number) for number in range(this - 1, this - 1 - 4 * YEARS, -1)]
    return [*quarters, *(str(year - back) for back in range(1, YEARS + 1))]


def _now() -> str:
    """The quarter that goes on. Its figures come when it is over: told day by day, two of them would tell one case (docs/adr/0009)."""
    now = today()
    return _quarter(now.year * 4 + (now.month - 1) // 3)


def _end(quarter: str) -> date:
    """The first day after a quarter."""
    following = _number_of(quarter) + 1
    return date(following // 4, following % 4 * 3 + 1, 1)


def _number_of(quarter: str) -> int:
    return int(quarter[:4]) * 4 + int(quarter[-1]) - 1


def _quarter(number: int) -> str:
    return f"{number // 4}-Q{number % 4 + 1}"
