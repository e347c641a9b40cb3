"""What people write stays text: no element, attribute or formula comes of it, on any page, in any file.

A walker sends every form that it finds, with the same poison in every field where a person may write, and goes where that leads.
What a service refuses is written right, so that the rest is kept; every answer on the way, and every page afterwards, is read.
"""

import ast
import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from urllib.parse import urlencode
from uuid import uuid4

import httpx2
import openpyxl
import psycopg
import pytest
from icalendar import Calendar
from los.sharing.v1 import sharing_pb2

from infra import stack
from services.gateway import web
from services.kernel.callers import Caller, Role
from services.kernel.clock import STOCKHOLM
from tests.gateway import own_records, records
from tests.gateway.doors import Crowd, Door, Visitor, someone, table
from tests.gateway.markup import WRITTEN, Field, Form, Page
from tests.gateway.test_abuse import QUERY
from tests.gateway.test_assets import TEMPLATES

POISON = '=\'"><los-x los-y=">'
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
TODAY = datetime.now(STOCKHOLM)
SHOWN = [door for door in table() if door.method == "GET" and not door.is_rest and not door.path.startswith(("/static", "/logga-in"))]
SENT = [door for door in table() if door.method == "POST" and not door.is_rest]
REPORT = "GET /insatser/{operation_id}/rapport.{kind}"
EXPORTS = {REPORT, "GET /insatser/{operation_id}/kalender", "GET /statistik/{period}.{kind}"}
"""What is taken home as a file; a PDF, the other kind of a report, computes nothing (test_reports.py)."""
# Not sent: they end the session, the operation or the visit before all forms have been seen.
LEFT = "/logga-ut|/stopp|/bort|/anmalan/lista"
# Where yes is said, for what comes after.
GOES_ON = "/utbetalningar/.*/(utredning|kommunicering|beslut|aterkrav|polisanmalan)"
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
    "starts": "23:59",  # where the time that the form has is over meanwhile
    "when": f"{TODAY:%Y-%m-%dT%H:%M}",
    "told_date": TODAY.date().isoformat(),
    "forwarded_day": TODAY.date().isoformat(),
    "next_check_date": (TODAY + timedelta(days=30)).date().isoformat(),
    "answer_due_date": (TODAY + timedelta(days=14)).date().isoformat(),
    "/utbetalningar/{payment_id}/beslut outcome": "error_recovery",
}
KINDS = {"date": TODAY.date().isoformat(), "time": "18:00", "month": "2026-01", "datetime-local": "2026-01-01T08:00", "number": "1"}
LATER = ("clock",)
"""What is said only when it was not now."""
POINT = "point."
BEGINNINGS = {POINT, "ground_"}
"""How fields begin that a weighing, or a list of the reference data, has one of each of."""
# Fields whose name a template puts together: those of the macros, which are found where they are used, and the points.
NAMED_OTHERWISE = {"{{ name }}", "point.{{ point.code }}"}
# What keeps no poison: a service, or the page, takes it in one form only.
FORMED = {
    *("amount_sek", "suspected_amount_sek", "kfm_debt_sek", "tax_debt_sek", "prevented_months", "representatives_count"),
    *("org_number", "landlord_org_number", "contract_holder_id_number", "recipient_id_number", "numbers", "disclosure_id"),
    *("apartment_number", "postal_code", "label", "safety_code"),
}
# What the walker's tip has not: its form asks for more than one can guess. The services, and a file of objects, have it kept.
TIP = ("summary", "trading_name", "company_name", "street_address", "city", "district")
KEPT_ELSEWHERE = {f"POST /tips/nytt: {name}" for name in TIP}
# Who sends which list where.
FILES = (
    (Role.ALERT_OFFICER, "KLF", "/filer", "fastighetsagare.csv", "cp1252"),
    (Role.LANDLORD_REPORTER, "KLF", "/anmalan/lista", "fastighetsagare.csv", "cp1252"),
    (Role.FUT_INVESTIGATOR, "IAF", "/filer", "iaf_utbetalningar.csv", "utf-8-sig"),
    (Role.LOS_COORDINATOR, "MOS", "/filer", "los_objekt.csv", "utf-8"),
)
SAMPLES = Path(stack.__file__).parents[1] / "samples"
PAGES_CODE = sorted(Path(web.__file__).parent.glob("*.py"))


class Walker:
    """Everybody at once: each form is sent by whoever is shown it first."""

    def __init__(self, visitor: Callable[[Caller | None], Visitor], known: Mapping[str, str], left: str = LEFT, yes: str = "$^") -> None:
        self.visitor, self.known, self.left, self.yes = visitor, known, left, yes
        self.done: set[tuple[str, frozenset[str]]] = set()
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
                and (form.action, frozenset(form.fields)) not in self.done
                and not re.search(self.left, form.action)
                and ("confirmed" not in form.fields or re.search(self.yes, form.action))
            ):
                self.send(visitor, form)

    def send(self, visitor: Visitor, form: Form) -> None:
        door = door_of(form.action)
        written = {name for name, each in form.fields.items() if each.kind in WRITTEN}
        self.met |= {f"{door}: {name}" for name in written}
        known = door.sent(self.known) if door.records <= set(self.known) else {}
        values = {name: first(each, door, known) for name, each in form.fields.items()}
        for _ in range(TRIES):
            answer = visitor.browser.ask("POST", form.action, form={name: value for name, value in values.items() if value is not None})
            page = read(answer)
            if answer.status_code in {200, 303}:
                self.done.add((form.action, frozenset(form.fields)))
                self.kept |= {f"{door}: {name}" for name in written if values[name] == POISON}
                self.look(visitor, visitor.browser.follow(answer))
                return
            wrong = next(iter(re.findall(r'id="fel-([\w.]+)"', answer.text)), "")
            again = next((each for each in page.forms if each.action == form.action), None)
            if again is None or wrong not in form.fields or values[wrong] == (better := right(form.fields[wrong], known, values[wrong])):
                return
            values |= {name: each.value for name, each in again.fields.items() if each.kind == "hidden"}
            values[wrong] = better


def door_of(action: str) -> Door:
    """The row of the table that a form is sent to."""
    return next(door for door in SENT if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", door.path), action))


def first(control: Field, door: Door, sent: Mapping[str, object]) -> str | None:
    """Poison where one may write; elsewhere what the table has, or the least that can be said."""
    if control.kind in WRITTEN:
        return POISON
    if control.kind == "hidden" or control.value:
        return control.value
    for known in (RIGHT.get(f"{door.path} {control.name}"), RIGHT.get(control.name), sent.get(control.name)):
        if known is not None and (not control.options or str(known) in control.options):
            return str(known)
    if control.kind in {"radio", "submit"}:
        return control.options[0]
    if control.kind == "checkbox":
        return "1" if control.name == "declared" else None
    return KINDS.get(control.kind, "") if control.name not in LATER else ""


def right(control: Field, sent: Mapping[str, object], tried: str | None) -> str:
    """What the field has to have for the rest to be kept; something else than what was tried, where there is anything."""
    number = uuid4().int % 10**4
    known = [
        RIGHT.get(control.name, "").format(number=number),
        str(sent.get(control.name, "")),
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
        other["payment_id"] = records.assessed(services, POISON, crimeSuspected=True)  # to be taken to its end
        other["alert_id"] = own_records.told(services)
        with psycopg.connect(running.postgres.url()) as tables:  # there is something to erase,
            aged = "UPDATE sharing.disclosure_event SET occurred_time = occurred_time - %s::interval WHERE disclosure_id = %s"
            tables.execute(aged, ["61 months", records.refused(services)])
            tables.execute(aged, ["1 day", other["disclosure_id"]])  # and what was decided yesterday is carried out today
        ended = own_records.over(services, POISON)
        known["over:operation_id"] = ended["operation_id"]
    found = Walker(crowd.one, known)
    found.walk()
    # Nobody answers this invitation, and the payment is not assessed anew, taken back or closed.
    silent = Walker(crowd.one, other, f"{LEFT}|/svar|/bedomning|/aterta|/utbetalningar/.*/avslut", GOES_ON)
    silent.walk()
    after = Walker(crowd.one, ended)
    after.walk()
    found.met |= silent.met | after.met
    found.kept |= silent.kept | after.kept
    return found


def test_every_field_where_one_may_write_has_been_met_and_keeps_poison_or_has_a_form(walker: Walker) -> None:
    wanted, met = {*written_in_templates(), *written_in_questions(), POINT}, {one.rpartition(" ")[2] for one in walker.met}
    assert {name for name in wanted if not any(one.startswith(name) if name in BEGINNINGS else one == name for one in met)} <= set(QUERY)
    assert {one for one in walker.met - walker.kept - KEPT_ELSEWHERE if one.rpartition(" ")[2] not in FORMED} == set()
    assert met >= FORMED


def written_in_questions() -> Iterator[str]:
    """The same, of questions that are data (services/gateway/questions.py)."""
    for path in PAGES_CODE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Question":
                kind, name = node.args[:2]
                first_part = name.values[0] if isinstance(name, ast.JoinedStr) else name  # a name that is put together has a beginning
                if isinstance(kind, ast.Constant) and kind.value in {"text", "area"}:
                    if isinstance(first_part, ast.Constant):
                        yield str(first_part.value)
                    else:  # questions that are rows of a mapping of the module's
                        yield from import_module(f"services.gateway.{path.stem}").TEXTS


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
            elif name is None and (kind is None or kind[1] in {*WRITTEN, "{{ type }}"}):
                assert set(re.findall(r'name="([^"]*)"', tag)) <= NAMED_OTHERWISE, (path.name, tag)


def test_no_element_comes_of_what_stands_in_an_address(walker: Walker, crowd: Crowd) -> None:
    crowd.sign_in()
    for visitor, door, _ in walker.pages():
        read(visitor.browser.ask("GET", f"{door.address(walker.known)}?{urlencode(dict.fromkeys(QUERY, POISON))}"))


def test_no_element_and_no_attribute_comes_of_what_somebody_has_written(walker: Walker, crowd: Crowd) -> None:
    crowd.sign_in()
    shown = {str(door) for _, door, answer in walker.pages() if any(POISON in said for said in read(answer).said)}

    assert len(shown) > 8, shown


@pytest.mark.parametrize(("role", "unit", "path", "sample", "encoding"), FILES)
def test_no_element_comes_of_what_stands_in_a_file(  # one row for each column that has the poison, and one column too many
    walker: Walker, crowd: Crowd, role: Role, unit: str, path: str, sample: str, encoding: str
) -> None:
    crowd.sign_in()
    header, right_one, *_ = csv.reader(io.StringIO((SAMPLES / sample).read_text(encoding=encoding)), delimiter=";")
    rows = [[*right_one[:at], POISON, *right_one[at + 1 :], POISON] for at in range(len(header))]
    content = io.StringIO()
    csv.writer(content, delimiter=";").writerows([[*header, POISON], *rows])
    sender = crowd.one(someone(role, unit))

    answer = sender.browser.upload(path, {"csrf": sender.csrf, "declared": "1"}, f"{POISON}.csv", content.getvalue().encode())

    assert answer.status_code == 200, answer.text
    assert any(re.match(r"\s*Rad \d+", said) for said in read(answer).said)  # what is not taken is answered, row by row
    for _, _, page in walker.pages([door for door in SHOWN if not door.records and role in door.roles]):
        read(page)


def test_no_formula_comes_of_what_somebody_has_written(walker: Walker, crowd: Crowd) -> None:
    crowd.sign_in()
    files = {str(door): answer for _, door, answer in walker.pages() if "content-disposition" in answer.headers}

    assert set(files) == EXPORTS
    for door, answer in files.items():
        name = answer.headers["content-disposition"]
        assert re.fullmatch(r'attachment; filename="[\w.-]+"', name, re.ASCII), door
        found = list(cells(answer))
        assert [cell for cell in found if cell.startswith(FORMULA_SIGNS)] == [], door
        assert ("los-x" in "".join(found)) is (door == REPORT), door  # the others hold nothing that somebody has written


def cells(answer: httpx2.Response) -> Iterator[str]:
    """Every text of a file that is taken home."""
    kind = answer.headers["content-type"]
    if "spreadsheetml" in kind:
        for sheet in openpyxl.load_workbook(io.BytesIO(answer.content)).worksheets:
            for cell in (cell for row in sheet.iter_rows() for cell in row if cell.value is not None):
                assert cell.data_type in {"s", "n"}, (answer.url, cell.coordinate)
                yield from [cell.value] if isinstance(cell.value, str) else []
    elif kind.startswith("text/csv"):
        yield from (cell for row in csv.reader(io.StringIO(answer.text)) for cell in row)
    elif kind.startswith("text/calendar"):
        parts = Calendar.from_ical(answer.text).walk()
        assert {part.name for part in parts} == {"VCALENDAR", "VEVENT"}
        yield from (str(part[name]) for part in parts for name in ("SUMMARY", "DESCRIPTION") if name in part)
    else:
        raise AssertionError(kind)
