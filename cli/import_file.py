"""`los import`: a file as users have it, row by row to the service that judges it."""

import csv
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from uuid import UUID, uuid5

import grpc
import typer
from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2
from los.registry.v1 import registry_pb2

from cli.client import Person, Session, Stack
from cli.common import DATA, NO, PART_DOWN, WRONG_USE, AsJson, Data, say
from services.kernel.callers import Role
from services.kernel.cells import inert
from services.kernel.errors import Failure
from services.kernel.rpc import failure_of
from services.kernel.table_file import OpenTable, open_table

app = typer.Typer(help="Läs in en fil: alerts, payments eller objects.", no_args_is_help=True)

PROGRESS_S = 1.0
UNDO_TIMEOUT_S = 600
REQUESTS = UUID("5f0b2b1e-6a55-4f0e-9d49-6a3d8a1f2c70")


class Row(NamedTuple):
    """The answer to one row."""

    label: str
    result: str
    column: str
    code: str
    message: str
    record_id: str
    import_id: str


class Kind(NamedTuple):
    """One kind of file: the headings it must have, the call, who imports it, and the first heading of its report."""

    headings: tuple[str, ...]
    call: Callable[[Session], Callable[..., Iterator[Any]]]
    request: Callable[..., Any]
    role: Role
    unit: str | None
    label: str

    def default_person(self, stack: Stack) -> Person:
        """Who imports when nobody is named."""
        return stack.first(self.role, self.unit)


KINDS = {
    "alerts": Kind(
        ("Org.nr hyresvärd", "Personnr", "Iakttagelse"),
        lambda session: session.registry.ImportAlerts,
        registry_pb2.ImportAlertsRequest,
        Role.LANDLORD_REPORTER,
        None,
        "Löpnr",
    ),
    "payments": Kind(
        ("Ärendenummer", "Personnummer", "Orsak"),
        lambda session: session.registry.ImportSuspectedPayments,
        registry_pb2.ImportSuspectedPaymentsRequest,
        Role.FUT_INVESTIGATOR,
        "IAF",
        "row",
    ),
    "objects": Kind(
        ("Företag", "Adress"),
        lambda session: session.controls.ImportObjects,
        controls_pb2.ImportObjectsRequest,
        Role.LOS_COORDINATOR,
        None,
        "row",
    ),
}


def import_file(
    session: Session, kind: Kind, file: Path, told: Callable[[int, int], None] = lambda _, __: None, *, dry_run: bool = False
) -> list[Row]:
    """Send every row and gather the answers, telling how many of how many are done.

    Raises Failure when the file as a whole is refused, or a part is down.
    """
    with file.open("rb") as opened:
        table = open_table(opened, kind.headings)
        rows: list[Row] = []
        try:
            for answer in kind.call(session)(_requests(kind, table, dry_run=dry_run)):
                rows.append(_row(answer.row))
                told(len(rows), table.count)
        except grpc.RpcError as error:
            raise failure_of(error) from None
    return rows


def _requests(kind: Kind, table: OpenTable, *, dry_run: bool) -> Iterator[Any]:
    yield kind.request(part=common_pb2.ImportRequest(header=common_pb2.TableHeader(columns=table.header, dry_run=dry_run)))
    for number, cells in table:
        yield kind.request(part=common_pb2.ImportRequest(row=common_pb2.TableRow(number=number, cells=cells)))


def _row(answer: common_pb2.ImportResponse) -> Row:
    result = common_pb2.RowResult.Name(answer.result).removeprefix("ROW_RESULT_").lower()
    return Row(answer.label or str(answer.row), result, answer.column, answer.code, answer.message, answer.record_id, answer.import_id)


def write_report(kind: Kind, rows: Sequence[Row], report: Path) -> None:
    """The answers in the order of the rows: label, result, column."""
    with report.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow((kind.label, "result", "column"))
        writer.writerows((inert(row.label), row.result, inert(row.column)) for row in rows)


def summary(rows: Sequence[Row]) -> str:
    """M12."""
    counts = Counter(row.result for row in rows)
    registered = counts["accepted"] + counts["accepted_protected"]
    return (
        f"{len(rows)} rader lästes: {registered} registrerade, {counts['accepted_needs_review']} behöver ses över, "
        f"{counts['duplicate']} fanns redan, {counts['rejected']} kunde inte registreras. Inget har skickats till någon."
    )


def _progress() -> Callable[[int, int], None]:
    """Tells on stderr how far a long file has come, at most once a second."""
    last = time.monotonic()

    def told(done: int, of: int) -> None:
        nonlocal last
        if time.monotonic() - last >= PROGRESS_S:
            last = time.monotonic()
            say(f"{done} av {of} rader …")

    return told


def _writable(report: Path) -> bool:
    try:
        report.open("a").close()
    except OSError:
        return False
    return True


def _import(kind: Kind, file: Path, report: Path | None, person: str | None, data: Path, *, dry_run: bool, as_json: bool) -> None:
    stack = Stack(data)
    if report and not _writable(report):
        sys.stderr.write(f"{report}: rapporten går inte att skriva dit. Inget har lästs in.\n")
        raise typer.Exit(WRONG_USE)
    who = stack.person(person) if person else kind.default_person(stack)
    sys.stderr.write(f"Läser in {file.name} som {who.id} …\n")
    try:
        with stack.speaking_for(who) as session:
            rows = import_file(session, kind, file, _progress(), dry_run=dry_run)
    except OSError:
        sys.stderr.write(f"{file.name}: filen går inte att läsa.\n")
        raise typer.Exit(NO) from None
    except Failure as failure:
        if as_json:
            print(json.dumps({"refused": failure.message}, ensure_ascii=False))
        sys.stderr.write(f"{file.name}: {failure.message}\n")
        raise typer.Exit(PART_DOWN if failure.reason in {"UNAVAILABLE", "INTERNAL"} else NO) from None
    if report:
        write_report(kind, rows, report)
    if as_json:
        counts = dict(Counter(row.result for row in rows))
        print(json.dumps({"summary": counts, "rows": [row._asdict() for row in rows]}, ensure_ascii=False))
        return
    _tell(rows, who, dry_run=dry_run)


def _tell(rows: Sequence[Row], who: Person, *, dry_run: bool) -> None:
    for row in rows:
        if row.message:
            print(row.message)
    print(summary(rows))
    if dry_run:
        print("Detta var en provkörning: inget har registrerats.")
    elif rows:
        print(f"Hela inläsningen ångras med: los import undo {rows[0].import_id} --as {who.id}")


_File = Annotated[Path, typer.Argument(help="Filen, .csv, .xlsx eller .ods.", exists=False)]
_Report = Annotated[Path | None, typer.Option(help="Skriv svaret för varje rad till den här filen.", show_default=False)]
_Dry = Annotated[bool, typer.Option("--dry-run", help="Pröva varje rad, men registrera inget.")]
_As = Annotated[str | None, typer.Option("--as", help="Vem som läser in; ett id i people.toml.", show_default=False)]


@app.command()
def alerts(
    file: _File,
    report: _Report = None,
    person: _As = None,
    data: Data = DATA,
    dry_run: _Dry = False,  # noqa: FBT002
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Läs in en hyresvärds lista."""
    _import(KINDS["alerts"], file, report, person, data, dry_run=dry_run, as_json=as_json)


@app.command()
def payments(
    file: _File,
    report: _Report = None,
    person: _As = None,
    data: Data = DATA,
    dry_run: _Dry = False,  # noqa: FBT002
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Läs in flaggade utbetalningar."""
    _import(KINDS["payments"], file, report, person, data, dry_run=dry_run, as_json=as_json)


@app.command()
def objects(
    file: _File,
    report: _Report = None,
    person: _As = None,
    data: Data = DATA,
    dry_run: _Dry = False,  # noqa: FBT002
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Läs in verksamheter som kan kontrolleras."""
    _import(KINDS["objects"], file, report, person, data, dry_run=dry_run, as_json=as_json)


@app.command()
def undo(
    import_id: Annotated[str, typer.Argument(help="Inläsningens nummer, som skrevs ut när filen lästes in.")],
    person: _As = None,
    data: Data = DATA,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Ångra en hel inläsning, så länge inget som kom med filen har handlagts eller ändrats."""
    stack = Stack(data)
    who = stack.person(person) if person else KINDS["alerts"].default_person(stack)
    say(f"Ångrar inläsningen som {who.id} …")
    is_objects = who.role is Role.LOS_COORDINATOR  # a coordinator's files are of objects
    asked = {"request_id": str(uuid5(REQUESTS, f"{who.id}|{import_id}")), "import_id": import_id}
    try:
        with stack.speaking_for(who) as session:
            if is_objects:
                count = session.controls.UndoImport(controls_pb2.UndoImportRequest(**asked), timeout=UNDO_TIMEOUT_S).count
            else:
                count = session.registry.UndoImport(registry_pb2.UndoImportRequest(**asked), timeout=UNDO_TIMEOUT_S).count
    except grpc.RpcError as error:
        failure = failure_of(error)
        if as_json:
            print(json.dumps({"refused": failure.message}, ensure_ascii=False))
        say(failure.message)
        raise typer.Exit(PART_DOWN if failure.reason in {"UNAVAILABLE", "INTERNAL"} else NO) from None
    print(json.dumps({"undone": count}) if as_json else f"{count} {'objekt' if is_objects else 'ärenden'} är återtagna.")
