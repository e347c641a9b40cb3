"""Files that are read in on a page, tried first if one likes, with an answer for each row; and taken back whole."""

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from fastapi import APIRouter, File, Form, Request, Response, UploadFile
from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2
from los.registry.v1 import registry_pb2

from services.gateway.calls import Services
from services.gateway.door import Door, Who
from services.gateway.forms import Filled, Sent, answered, asked
from services.gateway.web import LIST_BYTES_MAX, go_to, page
from services.kernel.callers import Role
from services.kernel.errors import Conflict, Invalid, NotFound, Unavailable
from services.kernel.table_file import TableFile, read_table

UNDO_S = 600
"""How long a file may take to be taken back, in seconds: it is done whole or not at all."""
PAGE_SIZE = 100


class Kind(NamedTuple):
    """One kind of file: what it is called, the headings it must have, and the call that reads it in."""

    word: str
    headings: tuple[str, ...]
    call: Callable[[Services], Callable[..., Iterator[Any]]]
    request: Callable[..., Any]


ALERTS = Kind(
    "Anmälningar från fastighetsägare",
    ("Org.nr hyresvärd", "Personnr", "Iakttagelse"),
    lambda services: services.registry.ImportAlerts,
    registry_pb2.ImportAlertsRequest,
)
PAYMENTS = Kind(
    "Misstänkta utbetalningar",
    ("Ärendenummer", "Personnummer", "Orsak"),
    lambda services: services.registry.ImportSuspectedPayments,
    registry_pb2.ImportSuspectedPaymentsRequest,
)
OBJECTS = Kind(
    "Verksamheter att kontrollera",
    ("Företag", "Adress"),
    lambda services: services.controls.ImportObjects,
    controls_pb2.ImportObjectsRequest,
)
WORDS = {"folkbokforing_alert": ALERTS.word, "suspected_payment": PAYMENTS.word, "control_object": OBJECTS.word}
READS: Mapping[Role, Kind | None] = {
    Role.ALERT_OFFICER: ALERTS,
    Role.FUT_INVESTIGATOR: PAYMENTS,
    Role.LOS_COORDINATOR: OBJECTS,
    Role.LANDLORD_REPORTER: None,  # a list is sent with a declaration, on a page of its own
}
"""What each role reads in here; none: it only sees what it has read in, and takes it back."""


class Read(NamedTuple):
    """The answers to the rows of a file, counted; `noted` are taken, with a word about them, `known` were there already, by number."""

    rows: int
    taken: int
    rejected: list[common_pb2.ImportResponse]
    noted: list[common_pb2.ImportResponse]
    known: list[int]
    import_id: str


def read(services: Services, kind: Kind, file: UploadFile, *, dry_run: bool) -> Read:
    """Every row is answered. Raises Invalid for a file that is refused as a whole."""
    table = read_table(file.file.read(LIST_BYTES_MAX + 1), kind.headings, LIST_BYTES_MAX)
    rows = answered(lambda: [answer.row for answer in kind.call(services)(_requests(kind, table, dry_run=dry_run))])
    rejected = [row for row in rows if row.result == common_pb2.ROW_RESULT_REJECTED]
    known = [row.row for row in rows if row.result == common_pb2.ROW_RESULT_DUPLICATE]
    noted = [row for row in rows if row.message and row.result not in {common_pb2.ROW_RESULT_REJECTED, common_pb2.ROW_RESULT_DUPLICATE}]
    return Read(len(rows), len(rows) - len(rejected) - len(known), rejected, noted, known, rows[0].import_id if rows else "")


def _requests(kind: Kind, table: TableFile, *, dry_run: bool) -> Iterator[Any]:
    yield kind.request(part=common_pb2.ImportRequest(header=common_pb2.TableHeader(columns=table.header, dry_run=dry_run)))
    for number, cells in table.rows:
        yield kind.request(part=common_pb2.ImportRequest(row=common_pb2.TableRow(number=number, cells=cells)))


def routes(door: Door) -> APIRouter:
    """The pages of files."""
    router, pages = APIRouter(), _Pages(door)
    router.add_api_route("/filer", pages.files, methods=["GET"])
    router.add_api_route("/filer", pages.sent, methods=["POST"])
    router.add_api_route("/filer/{import_id}/angra", pages.undo_form, methods=["GET"])
    router.add_api_route("/filer/{import_id}/angra", pages.undo, methods=["POST"])
    return router


class _Pages:
    def __init__(self, door: Door) -> None:
        self._door = door

    def files(self, request: Request) -> Response:
        """Where a file is read in, and those that have been."""
        return self._shown(request, self._door.allowed(request, READS), Sent())

    def sent(
        self, request: Request, csrf: Annotated[str, Form()], file: Annotated[UploadFile, File()], tried: Annotated[str, Form()] = ""
    ) -> Response:
        """A file is tried, or read in."""
        who = self._door.allowed(request, {role for role, kind in READS.items() if kind is not None})
        self._door.require_form(who, csrf)
        kind = READS[who.role]
        assert kind is not None  # noqa: S101  # the roles that have none were refused
        try:
            found = read(self._door.services(who), kind, file, dry_run=bool(tried))
        except (Invalid, Unavailable) as problem:
            return self._shown(request, who, Sent({}, "file", problem.message))
        return page(request, "list_read.html", found=found, tried=bool(tried), back="/filer", word="registrerade")

    def undo_form(self, request: Request, import_id: UUID) -> Response:
        """What would be taken back, to confirm."""
        return self._undo_shown(request, self._door.allowed(request, READS), import_id, Sent())

    def undo(self, request: Request, import_id: UUID, form: Filled) -> Response:
        """Take it back."""
        who = self._door.allowed(request, READS, form)
        service, contract = self._keeper(who)
        wanted = contract.UndoImportRequest(request_id=form.request_id, import_id=str(import_id))
        try:
            asked(lambda: service.UndoImport(wanted, timeout=UNDO_S))
        except (Invalid, Conflict) as problem:
            return self._undo_shown(request, who, import_id, form.wrong(problem))
        return go_to("/filer")

    def _undo_shown(self, request: Request, who: Who, import_id: UUID, said: Sent) -> Response:
        row = next((row for row in self._rows(who) if row.import_id == str(import_id)), None)
        if row is None:
            raise NotFound
        by, kind = self._door.name(row.imported_by), WORDS[row.record_kind]
        return page(request, "file_undo.html", said.status, row=row, by=by, kind=kind, said=said)

    def _shown(self, request: Request, who: Who, said: Sent) -> Response:
        rows = self._rows(who)[::-1]
        names = self._door.names(row.imported_by for row in rows)
        return page(request, "files.html", said.status, rows=rows, names=names, kind=READS[who.role], words=WORDS, said=said)

    def _rows(self, who: Who) -> list[common_pb2.ImportRow]:
        """All files that the person may see, oldest first: a unit reads in a few each month."""
        (service, contract), rows, token = self._keeper(who), list[common_pb2.ImportRow](), ""
        while True:
            part = common_pb2.Page(page_size=PAGE_SIZE, page_token=token)
            found = service.ListImports(contract.ListImportsRequest(page=part))
            rows += found.imports
            token = found.next_page_token
            if not token:
                return rows

    def _keeper(self, who: Who) -> tuple[Any, Any]:
        """The service that keeps the person's files, and the messages of its contract."""
        services = self._door.services(who)
        return (services.controls, controls_pb2) if who.role is Role.LOS_COORDINATOR else (services.registry, registry_pb2)
