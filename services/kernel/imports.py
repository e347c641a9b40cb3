"""A file as a stream of text cells: each row is judged and answered on its own, so one bad row never stops the others.

The rows that have come are registered together, in one transaction; a client that waits for an answer gets it at once.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2b
from queue import Empty, Queue
from threading import BoundedSemaphore, Event, Thread
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from psycopg.errors import DeadlockDetected, NotNullViolation, UniqueViolation

from services.kernel.db import Database, Transaction
from services.kernel.errors import Invalid, Unavailable
from services.kernel.rows import Form, Judged, Layout, Verdict, duplicate
from services.kernel.table_file import ROWS_MAX

IMPORTS_MAX = 2
TOGETHER_MAX = 100
C = TypeVar("C")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Kind(Generic[C, V]):
    """One kind of file: its form, how a row is judged, and what is equal for two rows that say the same."""

    form: Form[C]
    judge: Callable[[Layout[C], int, Sequence[str], C], Judged[V]]
    same_as: Callable[[V], str]


@dataclass(frozen=True, slots=True)
class Doing(Generic[V]):
    """What a service does with a file.

    `begin` is told whether it is a dry run, and gives the import's id when it is not. `known`: which of the records are registered
    already; it raises Conflict when the import has been undone, and then nothing more is registered. `add` registers one and gives its
    id; when somebody else does it first it gives None, or leaving the transaction raises UniqueViolation. `met` is told of what is
    registered already.
    """

    begin: Callable[[bool], UUID | None]
    add: Callable[[Transaction, V, Verdict, UUID | None], UUID | None]
    known: Callable[[Transaction, Sequence[V], UUID | None], Sequence[bool]] = lambda _, records, __: [False] * len(records)
    met: Callable[[V], None] = lambda _: None


class _Row(NamedTuple, Generic[V]):
    """A row of a file, judged; `import_id` is None in a dry run."""

    number: int
    judged: Judged[V]
    import_id: UUID | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one row."""

    row: int
    label: str
    verdict: Verdict
    record_id: str = ""
    import_id: str = ""

    def fields(self) -> dict[str, Any]:
        """As the contract's ImportResponse has them."""
        verdict = self.verdict
        return {
            "row": self.row,
            "label": self.label,
            "result": f"ROW_RESULT_{verdict.result.upper()}",
            "column": verdict.column,
            "code": verdict.code,
            "message": verdict.message,
            "record_id": self.record_id,
            "import_id": self.import_id,
        }


class Imports:
    """At most two files at once."""

    def __init__(self, database: Database) -> None:
        """Where the rows are registered."""
        self._database = database
        self._places = BoundedSemaphore(IMPORTS_MAX)

    def run(self, kind: Kind[C, V], parts: Iterable[Any], context: C, doing: Doing[V]) -> Iterator[Answer]:
        """One answer to each row, in the order of the rows. `parts` are the contract's ImportRequest. A dry run keeps nothing.

        Raises Invalid when the file as a whole is not of the kind, Unavailable when two files are read already.
        """
        with self._place():
            labels: dict[bytes, str] = {}  # the rows of this file by what they are about; a digest, as a file may be long
            for rows in _ready(_judged(kind, parts, context, doing.begin)):
                yield from self._answers(kind, rows, labels, doing)

    def _answers(self, kind: Kind[C, V], rows: Sequence[_Row[V]], labels: dict[bytes, str], doing: Doing[V]) -> Iterator[Answer]:
        import_id = rows[0].import_id
        firsts: list[str | None] = []  # the label of the earlier row that said the same
        new: list[tuple[V, Verdict]] = []
        for _, judged, _ in rows:
            first = None
            if judged.record is not None:
                about = blake2b(kind.same_as(judged.record).encode(), digest_size=16).digest()
                first = labels.get(about)
                if first is None:
                    labels[about] = judged.label
                    new.append((judged.record, judged.verdict))
            firsts.append(first)
        ids = iter(self._register(new, import_id, doing))
        shown = "" if import_id is None else str(import_id)
        for (row, judged, _), first in zip(rows, firsts, strict=True):
            if judged.record is None:
                yield Answer(row, judged.label, judged.verdict, import_id=shown)
                continue
            record_id = next(ids) if first is None else None
            if record_id is not None:
                yield Answer(row, judged.label, judged.verdict, str(record_id) if shown else "", shown)
                continue
            if import_id is not None:
                doing.met(judged.record)
            yield Answer(row, judged.label, duplicate(row, first), import_id=shown)

    def _register(self, rows: Sequence[tuple[V, Verdict]], import_id: UUID | None, doing: Doing[V]) -> list[UUID | None]:
        """The ids of the new records, None for what is registered already. Each alone when somebody writes of one of them meanwhile."""
        if not rows:
            return []
        try:
            with self._database.transaction(keep=import_id is not None) as tx:
                known = doing.known(tx, [record for record, _ in rows], import_id)
                return [
                    None if is_known else tx.apart(doing.add, record, verdict, import_id)
                    for is_known, (record, verdict) in zip(known, rows, strict=True)
                ]
        except (UniqueViolation, NotNullViolation, DeadlockDetected) as error:
            if len(rows) > 1:
                return [record_id for row in rows for record_id in self._register([row], import_id, doing)]
            if isinstance(error, UniqueViolation):
                return [None]
            raise

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise Unavailable("Två filer läses redan in. Försök igen om en stund.")
        try:
            yield
        finally:
            self._places.release()


def _judged(kind: Kind[C, V], parts: Iterable[Any], context: C, begin: Callable[[bool], UUID | None]) -> Iterator[_Row[V]]:
    """The rows below the header, each with its judgement and the import's id. Raises Invalid when they are no table of the kind."""
    layout: Layout[C] | None = None
    import_id: UUID | None = None
    for count, part in enumerate(parts):
        if count > ROWS_MAX:
            raise Invalid(f"row: en fil har högst {ROWS_MAX} rader.")
        which = part.WhichOneof("part")
        if which == "header" and layout is None:
            layout = Layout.of(list(part.header.columns), kind.form)
            import_id = begin(part.header.dry_run)
        elif which == "row" and layout is not None:
            yield _Row(part.row.number, kind.judge(layout, part.row.number, list(part.row.cells), context), import_id)
        else:
            raise Invalid("part: skicka rubrikraden först, en gång, och sedan raderna.")


def _ready(rows: Iterable[_Row[V]]) -> Iterator[list[_Row[V]]]:
    """What has come by now, in order; a thread waits for the client, so that no answer does. Raises what `rows` raise, in its place."""
    come: Queue[_Row[V] | None] = Queue(TOGETHER_MAX)  # None: there is no more
    over = Event()
    failed: list[BaseException] = []

    def read() -> None:
        try:
            for row in rows:
                come.put(row)
                if over.is_set():
                    return
        except BaseException as error:  # noqa: BLE001  # raised where it is waited for
            failed.append(error)
        come.put(None)

    Thread(target=read, daemon=True).start()
    try:
        more = True
        while more:
            together = [come.get()]
            with suppress(Empty):
                while together[-1] is not None and len(together) < TOGETHER_MAX:
                    together.append(come.get_nowait())
            more = together[-1] is not None
            if there := [row for row in together if row is not None]:
                yield there
        if failed:
            raise failed[0]
    finally:
        over.set()
        with suppress(Empty):  # a reader that waits for room goes on, and sees that it is over
            while True:
                come.get_nowait()
