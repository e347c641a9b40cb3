"""A file as a stream of text cells: each row is judged and registered on its own, so one bad row never stops the others."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Any, Generic, TypeVar
from uuid import UUID

from services.kernel.errors import Invalid, Unavailable
from services.kernel.rows import Form, Judged, Layout, Verdict, duplicate
from services.kernel.table_file import ROWS_MAX

IMPORTS_MAX = 2
C = TypeVar("C")
V = TypeVar("V")
Register = Callable[[V, Verdict, UUID | None], UUID | None]


@dataclass(frozen=True, slots=True)
class Kind(Generic[C, V]):
    """One kind of file: its form, how a row is judged, and what is equal for two rows that say the same."""

    form: Form[C]
    judge: Callable[[Layout[C], int, Sequence[str], C], Judged[V]]
    same_as: Callable[[V], str]


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

    def __init__(self) -> None:
        self._places = BoundedSemaphore(IMPORTS_MAX)

    def run(
        self, kind: Kind[C, V], parts: Iterable[Any], context: C, begin: Callable[[bool], UUID | None], register: Register[V]
    ) -> Iterator[Answer]:
        """One answer to each row, in the order of the rows. `parts` are the contract's ImportRequest.

        `begin` is told whether it is a dry run, and gives the import's id when it is not. `register` gives the id of the new record, or
        None when the same is registered already; without an import it keeps nothing. Raises Invalid when the file as a whole is not of
        the kind, Unavailable when two files are read already.
        """
        with self._place():
            layout: Layout[C] | None = None
            import_id: UUID | None = None
            labels: dict[str, tuple[int, str]] = {}  # the rows of this file by what they are about
            for count, part in enumerate(parts):
                if count > ROWS_MAX:
                    raise Invalid(f"row: en fil har högst {ROWS_MAX} rader.")
                which = part.WhichOneof("part")
                if which == "header" and layout is None:
                    layout = Layout.of(list(part.header.columns), kind.form)
                    import_id = begin(part.header.dry_run)
                elif which == "row" and layout is not None:
                    judged = kind.judge(layout, part.row.number, list(part.row.cells), context)
                    yield _answer(kind, judged, part.row.number, labels, import_id, register)
                else:
                    raise Invalid("part: skicka rubrikraden först, en gång, och sedan raderna.")

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise Unavailable("Två filer läses redan in. Försök igen om en stund.")
        try:
            yield
        finally:
            self._places.release()


def _answer(
    kind: Kind[C, V], judged: Judged[V], row: int, labels: dict[str, tuple[int, str]], import_id: UUID | None, register: Register[V]
) -> Answer:
    shown = "" if import_id is None else str(import_id)
    if judged.record is None:
        return Answer(row, judged.label, judged.verdict, import_id=shown)
    first, first_label = labels.setdefault(kind.same_as(judged.record), (row, judged.label))
    # Of two rows that say the same, a dry run has nothing left of the first to meet.
    is_again = import_id is None and first != row
    record_id = None if is_again else register(judged.record, judged.verdict, import_id)
    if record_id is None:
        return Answer(row, judged.label, duplicate(row, None if first == row else first_label), import_id=shown)
    return Answer(row, judged.label, judged.verdict, str(record_id) if shown else "", shown)
