"""A file of control objects as it comes over the wire: a header, then rows of text cells; one answer to each row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Self
from uuid import UUID

from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2 as pb

from services.controls.domain.objects import ControlObject
from services.controls.domain.text import plain
from services.controls.wire.judgement import COLUMNS, Fault, judge
from services.kernel.errors import Invalid

COLUMNS_MAX = 200
TOO_FEW_CELLS = "raden har för få celler."


class RowFault(Exception):
    """A row that is not registered: the heading of the first cell at fault (empty: the row itself), a code, and a Swedish text."""

    def __init__(self, heading: str, code: str, text: str) -> None:
        self.heading = heading
        self.code = code
        self.text = text
        super().__init__(code)


@dataclass(frozen=True, slots=True)
class Table:
    """Where each field is in the rows of one file. `headings` are the file's own, in its order."""

    headings: tuple[str, ...]
    places: Mapping[str, int]

    @classmethod
    def of(cls, header: common_pb2.TableHeader) -> Self:
        """Find the columns by their headings. Raises Invalid, Swedish, when the file is not a list of objects."""
        headings = tuple(header.columns)
        if len(headings) > COLUMNS_MAX:
            raise Invalid(f"header: filen har för många kolumner, högst {COLUMNS_MAX}.")
        known = {plain(column.heading): column.field for column in COLUMNS}
        places: dict[str, int] = {}
        for place, heading in enumerate(headings):
            field = known.get(plain(heading))
            if field is not None and field in places:
                raise Invalid(f"header: kolumnen {heading.strip()} finns två gånger.")
            if field is not None:
                places[field] = place
        missing = [column.heading for column in COLUMNS if column.needed and column.field not in places]
        if missing:
            raise Invalid(f"header: filen saknar {'kolumnen' if len(missing) == 1 else 'kolumnerna'} {', '.join(missing)}.")
        return cls(headings, places)

    def judge(self, cells: Sequence[str], today: date) -> ControlObject:
        """The object of one row. Raises RowFault."""
        if len(cells) < len(self.headings):
            raise RowFault("", "too_few_cells", TOO_FEW_CELLS)
        try:
            return judge({field: cells[place] for field, place in self.places.items()}, today)
        except Fault as fault:
            # A column that the file does not have is never at fault: those are optional.
            raise RowFault(self.headings[self.places[fault.field]], fault.code, fault.text) from None


def accepted(row: common_pb2.TableRow, object_id: UUID) -> pb.ImportObjectsResponse:
    """The object is registered."""
    return _answer(row, common_pb2.ROW_RESULT_ACCEPTED, record_id=str(object_id))


def duplicate(row: common_pb2.TableRow, earlier_row: int | None) -> pb.ImportObjectsResponse:
    """The object was registered already; `earlier_row` is the row of the same file that has it, if one has."""
    column = "" if earlier_row is None else f"of {earlier_row}"
    where = "sedan tidigare" if earlier_row is None else f"på rad {earlier_row}"
    message = f"Rad {row.number}: samma uppgift finns redan {where}."
    return _answer(row, common_pb2.ROW_RESULT_DUPLICATE, column=column, code="duplicate", message=message)


def rejected(row: common_pb2.TableRow, fault: RowFault) -> pb.ImportObjectsResponse:
    """The row is not registered."""
    place = f"Rad {row.number}, kolumn {fault.heading}" if fault.heading else f"Rad {row.number}"
    return _answer(row, common_pb2.ROW_RESULT_REJECTED, column=fault.heading, code=fault.code, message=f"{place}: {fault.text}")


def _answer(row: common_pb2.TableRow, result: common_pb2.RowResult.ValueType, **fields: str) -> pb.ImportObjectsResponse:
    return pb.ImportObjectsResponse(row=common_pb2.ImportResponse(row=row.number, result=result, label=str(row.number), **fields))
