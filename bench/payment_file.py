"""Files of suspected payments of any length, for what measures how they are read in: published test numbers, made-up cases.

`python -m bench.payment_file OUT.csv|OUT.xlsx ROWS [WIDTH]` writes one; WIDTH characters of a column that nobody reads make it large.
"""

import csv
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from random import Random

import openpyxl

from bench.filling import PEOPLE

HEADER = (
    "Ärendenummer",
    "Förvaltning",
    "Stödtyp",
    "Personnummer",
    "Orsak",
    "Period fr.o.m.",
    "Period t.o.m.",
    "Misstänkt belopp (kr)",
    "Impuls",
    "Annan förmån",
    "Beslutande myndighet",
    "Folkbokföring ifrågasatt",
    "Skyddade uppgifter",
)
REST = ("IAF", "ekonomiskt bistånd")
WHAT = ("fel hushåll", "2026-04", "2026-10", "207388,50", "allmänheten", "sjukpenning", "Försäkringskassan", "nej", "nej")


def rows(count: int, first: int = 0) -> Iterator[tuple[str, ...]]:
    """Cells under HEADER, each row a case of its own."""
    for number in range(first, first + count):
        yield f"IAF-PROV-{number}", *REST, PEOPLE[number % len(PEOPLE)], *WHAT


def _unread(number: int, width: int) -> str:
    """Text that no archive makes much smaller."""
    return b64encode(Random(number).randbytes(width)).decode()[:width]  # noqa: S311


def write(path: Path, count: int, first: int = 0, width: int = 0) -> None:
    """A .csv or .xlsx file, by its name."""
    extra = ("Övrigt",) if width else ()
    table = ((*cells, *(_unread(number, width) for _ in extra)) for number, cells in enumerate(rows(count, first)))
    if path.suffix == ".xlsx":
        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet("Underlag")
        sheet.append((*HEADER, *extra))
        for cells in table:
            sheet.append(cells)
        book.save(path)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow((*HEADER, *extra))
        writer.writerows(table)


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]), width=int(sys.argv[3]) if sys.argv[3:] else 0)
