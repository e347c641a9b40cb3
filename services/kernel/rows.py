"""A row of a table, or the fields of a message, judged: a valid record, or the first fault in the order of the columns.

The two doors share the fields, so they give the same answers. What a judgement rests on besides the cells is the service's own `context`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

from services.kernel.cells import TEXTS, Fault, clean
from services.kernel.errors import Invalid
from services.kernel.reference import plain
from services.kernel.table_file import refused

COLUMNS_MAX = 200
LABEL_MAX = 20
C = TypeVar("C")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Field(Generic[C]):
    """One field: its name in messages, the heading users have for it, its longest text, and how it is read.

    Without `read` the text is kept as it is. An empty text is not read: that is a fault when the field is `needed`, otherwise `empty`.
    `column` says whether a file must have the heading.
    """

    name: str
    heading: str
    read: Callable[[str, C], Any] = lambda text, _: text
    length_max: int = 100
    needed: bool = True
    empty: Any = ""
    column: bool = True


@dataclass(frozen=True, slots=True)
class Check(Generic[C]):
    """A rule over several fields; its fault is shown at `field`. It runs when the fields it `reads` are sound."""

    field: str
    reads: tuple[str, ...]
    check: Callable[[Mapping[str, Any], C], None]


class FieldFault(Exception):
    """The first fault of a row, at a field."""

    def __init__(self, name: str, fault: Fault) -> None:
        self.name = name
        self.fault = fault
        super().__init__(f"{name}: {fault.code}")

    def as_invalid(self) -> Invalid:
        """As the answer to a message: field first."""
        return Invalid(f"{self.name}: {self.fault.text}", reason=self.fault.code.upper())


@dataclass(frozen=True, slots=True)
class Form(Generic[C]):
    """All fields of one kind of record and the rules between them."""

    fields: tuple[Field[C], ...]
    checks: tuple[Check[C], ...] = ()

    @property
    def headings(self) -> tuple[str, ...]:
        """The headings a file must have."""
        return tuple(entry.heading for entry in self.fields if entry.column)

    def read(self, texts: Mapping[str, str], context: C, order: Sequence[str] = ()) -> dict[str, Any]:
        """The values of all fields. Raises FieldFault for the first fault by `order` (names; without it the form's own)."""
        values: dict[str, Any] = {}
        faults: dict[str, Fault] = {}
        for entry in self.fields:
            try:
                text = clean(texts.get(entry.name, ""), entry.length_max)
                if text:
                    values[entry.name] = entry.read(text, context)
                elif entry.needed:
                    raise Fault("missing")  # noqa: TRY301  # the same way out as any other fault of the cell
                else:
                    values[entry.name] = entry.empty
            except Fault as fault:
                faults[entry.name] = fault
        for rule in self.checks:
            try:
                if rule.field not in faults and all(name in values for name in rule.reads):
                    rule.check(values, context)
            except Fault as fault:
                faults[rule.field] = fault
        if faults:
            places = {name: place for place, name in enumerate(order or [entry.name for entry in self.fields])}
            name = min(faults, key=lambda name: places.get(name, len(places)))
            raise FieldFault(name, faults[name])
        return values


class Result(StrEnum):
    """What import answers a row."""

    ACCEPTED = "accepted"
    NEEDS_REVIEW = "accepted_needs_review"
    PROTECTED = "accepted_protected"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to a row. `column` is the heading of the cell it is about, or "of N" for a duplicate in the same file."""

    result: Result
    column: str = ""
    code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Judged(Generic[V]):
    """A judged row: its label in the report, its verdict, and the record when there is one."""

    label: str
    verdict: Verdict
    record: V | None = None


@dataclass(frozen=True, slots=True)
class Layout(Generic[C]):
    """Where the fields stand in one file, and what the file calls them."""

    form: Form[C]
    width: int
    places: Mapping[str, int] = field(repr=False)
    headings: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, columns: Sequence[str], form: Form[C]) -> "Layout[C]":
        """Find the fields by their headings. Raises Invalid: too many columns, some missing, one heading twice."""
        if len(columns) > COLUMNS_MAX:
            raise refused(f"Filen har för många kolumner. Den får ha högst {COLUMNS_MAX}.")
        found = [plain(name) for name in columns]
        missing = [name for name in form.headings if plain(name) not in found]
        if missing:
            raise refused(f"Filen saknar kolumner: {', '.join(missing)}.")
        known = {plain(entry.heading): entry for entry in form.fields}
        twice = [entry.heading for name, entry in known.items() if found.count(name) > 1]
        if twice:
            raise refused(f"Filen har samma rubrik två gånger: {', '.join(twice)}.")
        places = {known[name].name: place for place, name in enumerate(found) if name in known}
        ours = {entry.name: entry.heading for entry in form.fields}
        return cls(form, len(columns), places, ours | {name: columns[place].strip() for name, place in places.items()})

    def heading(self, name: str) -> str:
        """What this file calls a field, or what it should have called it; empty for the row itself."""
        return self.headings.get(name, "")

    def read(self, number: int, cells: Sequence[str], context: C) -> tuple[Mapping[str, str], dict[str, Any] | Verdict]:
        """The texts by field, and their values; or the verdict on a row that cannot be taken."""
        if len(cells) < self.width:
            return {}, self._rejected(number, "", Fault("too_few_cells"))
        if len(cells) > self.width:
            return {}, self._rejected(number, "", Fault("too_many_cells"))
        texts = {name: cells[place] for name, place in self.places.items()}
        try:
            return texts, self.form.read(texts, context, sorted(self.places, key=self.places.__getitem__))
        except FieldFault as error:
            return texts, self._rejected(number, error.name, error.fault)

    def _rejected(self, number: int, name: str, fault: Fault) -> Verdict:
        return Verdict(Result.REJECTED, self.heading(name), fault.code, sentence(number, self.heading(name), fault.text))


def sentence(number: int, column: str, text: str) -> str:
    """A text about a row as users read it."""
    return f"Rad {number}, kolumn {column}: {text}" if column else f"Rad {number}: {text}"


def duplicate(number: int, of_label: str | None) -> Verdict:
    """The verdict on a row that says again what an earlier row of the file said (its label), or what was registered before."""
    if of_label is None:
        return Verdict(Result.DUPLICATE, "", "duplicate", sentence(number, "", TEXTS["duplicate_earlier"]))
    return Verdict(Result.DUPLICATE, f"of {of_label}", "duplicate", sentence(number, "", TEXTS["duplicate"].format(row=of_label)))


def accepted(number: int, layout: Layout[Any], remarks: Sequence[tuple[str, str, bool]]) -> Verdict:
    """The verdict on a row that is registered. A remark is (field, code, whether a person must look first); the first such decides."""
    ordered = sorted(remarks, key=lambda remark: layout.places.get(remark[0], 0))
    for name, code, review in sorted(ordered, key=lambda remark: not remark[2]):
        column = layout.heading(name)
        return Verdict(
            Result.NEEDS_REVIEW if review else Result.ACCEPTED, column if review else "", code, sentence(number, column, TEXTS[code])
        )
    return Verdict(Result.ACCEPTED)


def label(text: str, number: int) -> str:
    """The row's own running number when it has a short one, otherwise its place in the file."""
    try:
        return clean(text, LABEL_MAX) or str(number)
    except Fault:
        return str(number)
