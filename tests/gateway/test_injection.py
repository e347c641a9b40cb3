"""What people write stays text: no element, attribute or formula comes of it, on any page, in any file.

A walker sends every form that it finds, with the same poison in every field where a person may write, and goes where that leads.
What a service refuses is written right, so that the rest is kept; every answer on the way, and every page afterwards, is read.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from urllib.parse import urlencode
from uuid import uuid4

import httpx2
import openpyxl
import pytest
from los.sharing.v1 import sharing_pb2

from infra import stack
from services.kernel.callers import Caller, Role
from services.kernel.clock import STOCKHOLM
from tests.gateway import records
from tests.gateway.doors import Crowd, Door, Visitor, someone, table
from tests.gateway.markup import WRITTEN, Field, Form, Page
from tests.gateway.test_abuse import QUERY
from tests.gateway.test_assets import TEMPLATES

POISON = '=\'"><los-x los-y=">'
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
TODAY = datetime.now(STOCKHOLM)
SHOWN = [door for door in table() if door.method == "GET" and not door.is_rest and not door.path.startswith(("/static", "/logga-in"))]
SENT = [door for door in table() if door.method == "POST" and not door.is_rest]
# Not sent: they end the session, the operation or the visit before all forms have been seen.
LEFT = "/logga-ut|/stopp|/bort|/anmalan/lista"
TRIES = 12
# What is right where the poison is not taken, or a choice has to be made.
RIGHT: Mapping[str, str] = {
    "postal_code": "582 22",
    "org_number": "559999-0008",
    "landlord_org_number": "559999-0180",
    "recipient_id_number": "198711062391",
    "label": "LOS-2026-{number}",
    "case_number": "IAF-{number}",
    "suspected_amount_sek": "100",
    "day": f"{TODAY.year + 1}-01-15",
    "received_clock": "00:00",
    "payment_scheme": "ekonomiskt_bistand",
    "party": "arbetsmiljoverket",
    "receiver_kind": "arbetsmiljoverket",
    "answer": "accepted",
    "role": "on_site",
    "control_ground_id": "aml-tillsyn",
    "people_1": "2",
    "decision": "send",
    "delegation": "4.2",
    "outcome": "done",
    "persons_checked_count": "1",
    "tell": "nothing",
}
KINDS = {"date": TODAY.date().isoformat(), "time": "18:00", "month": "2026-01", "datetime-local": "2026-01-01T08:00", "number": "1"}
LATER = ("clock",)
"""What is said only when it was not now."""
# Where poison has to have been kept at the least, for the test to mean something.
KEPT = {
    *("street_address", "contract_holder_name", "case_number", "reasons", "recipient_name"),
    *("purpose", "assembly_point", "override_reason", "risk_measures", "text", "diary_no", "delegation", "reason", "decision_reference"),
}


class Walker:
    """Everybody at once: each form is sent by whoever is shown it first."""

    def __init__(self, visitor: Callable[[Caller | None], Visitor], known: Mapping[str, str], left: str = LEFT) -> None:
        self.visitor, self.known, self.left = visitor, known, left
        self.done: set[str] = set()
        self.kept: set[str] = set()
        self.met: set[str] = set()
        self.seen: set[str] = set()

    def pages(self, doors: Iterable[Door] = SHOWN) -> Iterator[tuple[Visitor, Door, httpx2.Response]]:
        """Every page that somebody at home may see."""
        for door in doors:
            if door.records <= set(self.known):
                for role in sorted(door.roles or set(Role)):
                    visitor = self.visitor(someone(role, door.unit))
                    yield visitor, door, visitor.open(door, self.known)

    def walk(self) -> None:
        doors, before = SHOWN, -1
        while len(self.done) > before:
            before = len(self.done)
            for visitor, _, answer in self.pages(doors):
                self.look(visitor, answer)
            doors = [door for door in SHOWN if door.records]  # what has changed

    def look(self, visitor: Visitor, answer: httpx2.Response) -> None:
        """Read a page and send the forms on it that have not been sent."""
        for form in read(answer).forms:
            if (
                form.method == "POST"
                and form.action not in self.done
                and not re.search(self.left, form.action)
                and "confirmed" not in form.fields
            ):
                self.send(visitor, form)

    def send(self, visitor: Visitor, form: Form) -> None:
        door = door_of(form.action)
        written = {name for name, each in form.fields.items() if each.kind in WRITTEN}
        self.met |= {f"{door}: {name}" for name in written}
        values = {name: first(each, door) for name, each in form.fields.items()}
        for _ in range(TRIES):
            answer = visitor.browser.ask("POST", form.action, form={name: value for name, value in values.items() if value is not None})
            page = read(answer)
            if answer.status_code in {200, 303}:
                self.done.add(form.action)
                self.kept |= {name for name in written if values[name] == POISON}
                self.look(visitor, visitor.browser.follow(answer))
                return
            wrong = next(iter(re.findall(r'id="fel-([\w.]+)"', answer.text)), "")
            again = next((each for each in page.forms if each.action == form.action), None)
            if again is None or wrong not in form.fields or values[wrong] == (better := right(form.fields[wrong], door, values[wrong])):
                return
            values |= {name: each.value for name, each in again.fields.items() if each.kind == "hidden"}
            values[wrong] = better


def door_of(action: str) -> Door:
    """The row of the table that a form is sent to."""
    return next(door for door in SENT if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", door.path), action))


def first(control: Field, door: Door) -> str | None:
    """Poison where one may write; elsewhere what the table has, or the least that can be said."""
    if control.kind in WRITTEN:
        return POISON
    if control.kind == "hidden" or control.value:
        return control.value
    if control.name in RIGHT or control.name in door.form:
        return RIGHT.get(control.name) or str(door.form[control.name])
    if control.kind in {"radio", "submit"}:
        return control.options[0]
    if control.kind == "checkbox":
        return "1" if control.name == "declared" else None
    return KINDS.get(control.kind, "") if control.name not in LATER else ""


def right(control: Field, door: Door, tried: str | None) -> str:
    """What the field has to have for the rest to be kept; something else than what was tried, where there is anything."""
    number = uuid4().int % 10**4
    known = [
        RIGHT.get(control.name, "").format(number=number),
        str(door.form.get(control.name, "")),
        *control.options,
        KINDS.get(control.kind, ""),
    ]
    return next((each for each in known if each and each != tried), "")


def read(answer: httpx2.Response) -> Page:
    """A page, with nothing on it that came of the poison."""
    if not answer.headers.get("content-type", "").startswith("text/html"):
        return Page("")
    page = Page(answer.text)
    assert "los-x" not in page.elements, answer.url
    assert "los-y" not in page.attributes, answer.url
    return page


@pytest.fixture(scope="module")
def walker(running: stack.Stack, crowd: Crowd) -> Walker:
    """Who has sent every form."""
    crowd.sign_in()
    with records.speaking(running) as services:
        known = records.common(services, POISON) | records.drafted(services, POISON)
        law = services(Role.JURIST, "KLF").sharing
        for is_open in (True, False):
            law.SwitchFlow(
                sharing_pb2.SwitchFlowRequest(
                    request_id=str(uuid4()), name="pay-kfm-15a", open=is_open, decision_reference=POISON, reason=POISON
                )
            )
        other = known | records.drafted(services, POISON) | {"disclosure_id": records.task(services, POISON)}
    found = Walker(crowd.one, known)
    found.walk()
    silent = Walker(crowd.one, other, f"{LEFT}|/svar")  # nobody answers this invitation
    silent.walk()
    found.met |= silent.met
    found.kept |= silent.kept
    return found


def test_every_field_where_one_may_write_has_been_met_and_poison_is_kept(walker: Walker) -> None:
    assert set(written_in_templates()) - {one.rpartition(" ")[2] for one in walker.met} - set(QUERY) == set()
    assert walker.kept >= KEPT


def written_in_templates() -> Iterator[str]:
    """The names of all fields of the templates where a person may write anything."""
    for path in TEMPLATES:
        text = path.read_text(encoding="utf-8")
        for name, more in re.findall(r"\b(?:text|area)\(\w+, \"(\w+)\"((?:[^()]|\([^()]*\))*)\)", text):
            if "type=" not in more:
                yield name
        for tag in re.findall(r"<(?:input|textarea)\b[^>]*>", text):
            name, kind = re.search(r'name="(\w+)"', tag), re.search(r'type="([^"]+)"', tag)
            if name is not None and (kind is None or kind[1] in WRITTEN):
                yield name[1]


def test_no_element_comes_of_what_stands_in_an_address(walker: Walker, crowd: Crowd) -> None:
    crowd.sign_in()
    for visitor, door, _ in walker.pages():
        read(visitor.browser.ask("GET", f"{door.address(walker.known)}?{urlencode(dict.fromkeys(QUERY, POISON))}"))


def test_no_element_and_no_attribute_comes_of_what_somebody_has_written(walker: Walker, crowd: Crowd) -> None:
    crowd.sign_in()
    shown = {str(door) for _, door, answer in walker.pages() if any(POISON in said for said in read(answer).said)}

    assert len(shown) > 8, shown


def test_no_formula_comes_of_what_somebody_has_written(walker: Walker, crowd: Crowd) -> None:
    crowd.sign_in()
    files = {str(door): answer for _, door, answer in walker.pages() if "content-disposition" in answer.headers}

    assert files
    for door, answer in files.items():
        name = answer.headers["content-disposition"]
        assert re.fullmatch(r'attachment; filename="[\w.-]+"', name, re.ASCII), door
        assert [cell for cell in cells(answer) if cell.startswith(FORMULA_SIGNS)] == [], door


def cells(answer: httpx2.Response) -> Iterator[str]:
    """Every text of a table file that a spreadsheet would calculate with; none of a file of another kind."""
    kind = answer.headers["content-type"]
    if "spreadsheetml" in kind:
        for sheet in openpyxl.load_workbook(io.BytesIO(answer.content)).worksheets:
            yield from (str(cell.value) for row in sheet.iter_rows() for cell in row if cell.data_type == "f")
    if kind.startswith("text/csv"):
        yield from (cell for row in csv.reader(io.StringIO(answer.text)) for cell in row)
