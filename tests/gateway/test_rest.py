"""The API for systems, over HTTP, with a real issuer's tokens and the whole stack behind it."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any
from uuid import uuid4

import httpx2
import psycopg
import pytest
from google.protobuf.json_format import MessageToDict
from joserfc.jwk import ECKey

from infra import stack
from services.gateway.rest import examples
from services.gateway.rest.operations import SERVICE_NAMES, Operation
from services.gateway.rest.table import OPERATIONS
from tests.gateway.systems import SYSTEMS, Issuer, System, a_port, gateway_beside

As = Callable[[str], System]
PLACE = MessageToDict(examples.OBJECT)
REPORT = MessageToDict(examples.ALERT)
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def system(api: str, issuer: Issuer) -> As:
    """The system of a role."""
    return lambda role: System(api, issuer.token(role))


def refused(running: stack.Stack) -> object:
    with psycopg.connect(running.postgres.url()) as database:
        return database.execute("SELECT event, outcome, person, details->>'reason' FROM gateway.audit ORDER BY id DESC LIMIT 1").fetchone()


def is_problem(answer: httpx2.Response, status: int, field: str = "") -> bool:
    found = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(found) - {"field"} == {"type", "title", "status", "detail", "instance", "reason"}
    return bool(answer.status_code == found["status"] == status and found.get("field", "") == field)


def a_flag() -> dict[str, Any]:
    return {"flag": {**MessageToDict(examples.PAYMENT)["flag"], "caseNumber": f"IAF-2026-{uuid4().int % 10**9}"}}


def a_place() -> dict[str, Any]:
    return {"object": {**PLACE["object"], "streetAddress": f"Provgatan {uuid4().int % 10**9}"}}


def test_the_api_says_what_it_is_to_anybody(api: str) -> None:
    answer = System(api).ask("GET", "/api-info")

    assert answer.status_code == 200
    assert set(answer.json()) == {"apiName", "apiVersion", "apiReleased", "apiDocumentation", "apiStatus"}
    assert httpx2.get(answer.json()["apiDocumentation"]).json()["openapi"].startswith("3.1")


def test_a_gateway_that_names_no_issuer_has_no_api(running: stack.Stack, issuer: Issuer) -> None:
    url = f"http://localhost:{a_port()}"
    with gateway_beside(running, url, api=None):
        for token in ("", issuer.token("los_coordinator")):
            assert System(url, token).ask("GET", "/alerts").status_code == 404


def test_a_system_of_the_demo_asks_with_the_token_that_the_command_gives(running: stack.Stack, address: str) -> None:
    command = [sys.executable, "-m", "cli.main", "token"]
    given = subprocess.run([*command, "system-mos", "--data", str(running.folder.root)], capture_output=True, text=True, check=True)

    answer = System(address, given.stdout.strip()).ask("GET", "/operations")

    assert answer.status_code == 200
    assert set(answer.json()) <= {"items", "nextOffset"}
    wrong = subprocess.run([*command, "okand", "--data", str(running.folder.root)], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert "system-iaf" in wrong.stderr


def test_without_a_token_nothing_is_answered_and_the_answer_says_what_is_needed(api: str) -> None:
    answer = System(api).ask("POST", "/alerts", {"not": "judged"})

    assert is_problem(answer, 401)
    assert answer.headers["www-authenticate"] == "Bearer"


def tokens_that_are_refused(issuer: Issuer) -> dict[str, str]:
    stranger = ECKey.generate_key("P-256", {"kid": "issuer-1"})
    elsewhere = ECKey.generate_key("P-256", {"kid": "nobodys"})
    role = "los_coordinator"
    return {
        "no token at all": "abc",
        "another's signature": issuer.token(role, key=stranger),
        "a key that nobody has": issuer.token(role, key=elsewhere, header={"kid": "nobodys"}),
        "another audience": issuer.token(role, aud="https://other.example.se"),
        "another issuer": issuer.token(role, iss="https://other.example.se"),
        "past its time": issuer.token(role, exp=1),
        "an id token": issuer.token(role, header={"typ": "JWT"}),
        "no expiry": issuer.token(role, without="exp"),
        "no client": issuer.token(role, without="client_id"),
        "nobody of ours": issuer.token("unknown", role="los_coordinator", unit="KLF"),
    }


def test_a_token_that_is_not_for_us_or_not_of_now_is_refused_and_each_looks_the_same(
    api: str, issuer: Issuer, running: stack.Stack
) -> None:
    for name, token in tokens_that_are_refused(issuer).items():
        answer = System(api, token).ask("GET", "/operations")
        assert is_problem(answer, 401), name
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"', name
        assert answer.json()["detail"] == "Åtkomstbeviset gäller inte här.", name
        reason = "no_account" if name == "nobody of ours" else "token_refused"
        assert refused(running) == ("gateway:api:enter", "refused", None, reason), name


def test_role_and_unit_come_from_our_table_and_never_from_the_token(api: str, issuer: Issuer) -> None:
    jurist = System(api, issuer.token("jurist", role="los_coordinator", unit="KLF", scope="admin"))

    assert is_problem(jurist.ask("GET", "/operations"), 403)


def test_a_system_whose_account_is_closed_is_out_at_the_next_request(system: As, running: stack.Stack) -> None:
    coordinator = system("los_coordinator")
    assert coordinator.ask("GET", "/operations").status_code == 200
    with psycopg.connect(running.postgres.url()) as database:
        database.execute("UPDATE gateway.account SET active = false WHERE person = 'system-los_coordinator'")
    try:
        assert is_problem(coordinator.ask("GET", "/operations"), 401)
    finally:
        with psycopg.connect(running.postgres.url()) as database:
            database.execute("UPDATE gateway.account SET active = true WHERE person = 'system-los_coordinator'")


def test_a_persons_session_opens_no_api(api: str) -> None:
    answer = System(api).ask("GET", "/alerts", headers={"cookie": "__Host-los=whatever"})

    assert is_problem(answer, 401)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.called)
def test_each_operation_is_open_to_the_roles_of_the_services_own_rule(operation: Operation) -> None:
    service = SERVICE_NAMES[operation.call.containing_service.full_name]
    rules = import_module(f"services.{service}.service.servicer").RULES

    assert rules[operation.call.name].roles == operation.roles


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if not each.is_public], ids=lambda each: f"{each.http} {each.path}")
def test_who_may_never_do_it_is_told_so_before_what_was_sent_is_judged(operation: Operation, system: As, running: stack.Stack) -> None:
    for role in [each for each in SYSTEMS if each not in operation.roles]:
        answer = system(role).ask(operation.http, operation.path.replace("{id}", "none"), {"no": "sense"})
        assert is_problem(answer, 403), role
        assert refused(running) == (f"gateway:{operation.call.name}", "refused", f"system-{role}", "DENIED")


def listed(system: System, path: str, limit: int) -> list[dict[str, Any]]:
    """Every page of a list, in its order."""
    rows: list[dict[str, Any]] = []
    offset = ""
    while True:
        found = system.ask("GET", f"{path}?limit={limit}{offset}").json()
        rows += found["items"]
        if "nextOffset" not in found:
            return rows
        offset = f"&offset={found['nextOffset']}"


def test_an_alert_goes_all_the_way_and_is_taken_back(system: As) -> None:
    officer, street = system("alert_officer"), f"Vändvägen {uuid4().int % 10**6}"
    made = officer.ask("POST", "/alerts", REPORT | {"report": REPORT["report"] | {"streetAddress": street}})
    assert made.status_code == 201, made.text
    path = made.headers["location"].removeprefix("/los/v1")

    read = officer.ask("GET", path)
    assert read.json()["report"]["contractHolderIdNumber"] == REPORT["report"]["contractHolderIdNumber"]
    assert read.headers["etag"] == f'"{read.json()["etag"]}"' == made.headers["etag"]
    assert made.json()["alertId"] in {row["alertId"] for row in listed(officer, "/alerts", 100)}

    back = officer.ask("POST", f"{path}/withdrawals", headers={"if-match": read.headers["etag"]})
    assert (back.status_code, back.json()["state"]) == (200, "ALERT_STATE_WITHDRAWN")
    stale = officer.ask("POST", f"{path}/withdrawals", headers={"if-match": read.headers["etag"]})
    assert is_problem(stale, 412, "If-Match") or is_problem(stale, 409)


def test_a_payment_is_flagged_by_one_system_and_read_by_another_whose_role_may(system: As) -> None:
    flag = a_flag()
    made = system("case_officer").ask("POST", "/suspected-payments", flag)
    assert made.status_code == 201, made.text
    path = made.headers["location"].removeprefix("/los/v1")

    assert is_problem(system("case_officer").ask("GET", path), 403)
    assert system("fut_investigator").ask("GET", path).json()["flag"]["caseNumber"] == flag["flag"]["caseNumber"]


def test_an_object_is_changed_only_by_whoever_has_read_it_as_it_is(system: As) -> None:
    coordinator, place = system("los_coordinator"), a_place()
    path = coordinator.ask("POST", "/control-objects", place).headers["location"].removeprefix("/los/v1")
    etag = coordinator.ask("GET", path).headers["etag"]
    changed = {"object": {**place["object"], "openingHours": "mån–fre 8–17"}}

    assert is_problem(coordinator.ask("PUT", path, changed), 428, "If-Match")
    first = coordinator.ask("PUT", path, changed, headers={"if-match": etag})
    assert first.status_code == 200
    assert coordinator.ask("PUT", path, changed, headers={"if-match": etag}).json() == first.json()  # the same once more
    other = {"object": {**place["object"], "openingHours": "stängt"}}
    assert is_problem(coordinator.ask("PUT", path, other, headers={"if-match": etag}), 412, "If-Match")
    for unclear in ("*", f"W/{first.headers['etag']}", f"{etag}, {first.headers['etag']}"):
        assert is_problem(coordinator.ask("PUT", path, other, headers={"if-match": unclear}), 400, "If-Match"), unclear
    assert coordinator.ask("GET", path).json()["object"]["openingHours"] == "mån–fre 8–17"


def test_the_same_key_and_body_have_one_effect_also_at_once_and_another_body_is_refused(system: As) -> None:
    officer, key, flag = system("fut_investigator"), {"idempotency-key": str(uuid4())}, a_flag()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: officer.ask("POST", "/suspected-payments", flag, headers=key), range(4)))

    assert {each.status_code for each in answers} == {201}
    assert len({each.json()["paymentId"] for each in answers}) == 1
    other = {"flag": {**flag["flag"], "suspectedAmountSek": "1"}}
    assert is_problem(officer.ask("POST", "/suspected-payments", other, headers=key), 422, "Idempotency-Key")


def test_two_systems_may_use_the_same_key(system: As) -> None:
    key = {"idempotency-key": "1"}
    answers = [system(role).ask("POST", "/suspected-payments", a_flag(), headers=key) for role in ("case_officer", "fut_investigator")]

    assert len({each.json()["paymentId"] for each in answers}) == 2


def test_a_write_without_a_key_is_refused(system: As) -> None:
    for key in ("", "med blanksteg", "x" * 256):
        assert is_problem(system("alert_officer").ask("POST", "/alerts", REPORT, headers={"idempotency-key": key}), 400, "Idempotency-Key")


def test_what_is_absent_and_what_is_anothers_look_alike(system: As) -> None:
    made = system("case_officer").ask("POST", "/suspected-payments", a_flag()).json()["paymentId"]
    report = {"report": {**REPORT["report"], "landlordOrgNumber": "559999-0016", "streetAddress": f"Annans gata {uuid4().int % 10**6}"}}
    anothers = system("alert_officer").ask("POST", "/alerts", report).json()["alertId"]
    landlord = system("landlord_reporter")

    answers = [landlord.ask("GET", f"/alerts/{each}") for each in (anothers, made, str(uuid4()), "1", "x y")]

    assert all(is_problem(each, 404) for each in answers)
    assert len({str({name: value for name, value in each.json().items() if name != "instance"}) for each in answers}) == 1


@pytest.mark.parametrize(
    ("report", "field"),
    [
        ({"observedFrom": "2999-01-01"}, "report.observedFrom"),
        ({"observedFrom": 3}, "report.observedFrom"),
        ({"contractHolderIdNumber": "198810162390"}, "report.contractHolderIdNumber"),
        ({"observationTypes": ["påhittat"]}, "report.observationTypes"),
        ({"city": "x" * 61}, "report.city"),
        ({"198810162399": "x"}, "report"),
        ({"observed_from": "2026-09-24"}, "report"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_what_was_sent_is_not_repeated(system: As, report: dict[str, Any], field: str) -> None:
    answer = system("alert_officer").ask("POST", "/alerts", {"report": REPORT["report"] | report})

    assert answer.status_code == 400
    assert answer.json()["field"].startswith(field), answer.text
    assert "1988101" not in answer.text


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"report": {"city": "\xff"}}', "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"{}", "application/json; charset=latin-1", 415),
        (b"{" + b" " * 70_000 + b"}", "application/json", 413),
    ],
)
def test_what_is_no_small_json_in_utf_8_is_refused(api: str, issuer: Issuer, body: bytes, kind: str, status: int) -> None:
    headers = {"authorization": f"Bearer {issuer.token('alert_officer')}", "content-type": kind, "idempotency-key": "k"}

    assert is_problem(httpx2.post(f"{api}/los/v1/alerts", content=body, headers=headers), status)


def test_lists_come_in_pages_that_hold_together(system: As) -> None:
    coordinator = system("los_coordinator")
    made = {coordinator.ask("POST", "/control-objects", a_place()).json()["objectId"] for _ in range(3)}
    seen = [row["objectId"] for row in listed(coordinator, "/control-objects", 2)]
    assert made <= set(seen)
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=1&limit=2", "limit"),
        ("offset=x", "offset"),
        ("offset=", "offset"),
        ("states=X", "states[0]"),
        ("pnr=1", ""),
    ],
)
def test_a_query_that_cannot_be_is_refused(system: As, query: str, field: str) -> None:
    assert is_problem(system("alert_officer").ask("GET", f"/alerts?{query}"), 400, field)


def test_a_list_is_asked_for_by_state(system: As) -> None:
    officer = system("alert_officer")

    found = officer.ask("GET", "/alerts?states=ALERT_STATE_WITHDRAWN&states=ALERT_STATE_CLOSED").json()["items"]

    assert {row["state"] for row in found} <= {"ALERT_STATE_WITHDRAWN", "ALERT_STATE_CLOSED"}


def test_every_answer_carries_the_trace_and_is_kept_by_nobody(api: str, system: As) -> None:
    given = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    for answer in (
        system("alert_officer").ask("GET", "/alerts", headers=given),
        System(api).ask("GET", "/alerts", headers=given),
        System(api).ask("GET", "/nowhere", headers=given),
        System(api).ask("DELETE", "/alerts", headers=given),
    ):
        assert answer.headers["traceparent"].split("-")[1] == TRACE
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_method_that_is_not_there_is_told_which_are(api: str) -> None:
    answer = System(api).ask("DELETE", "/alerts")

    assert is_problem(answer, 405)
    assert set(answer.headers["allow"].replace(" ", "").split(",")) >= {"GET", "POST"}


def test_another_host_and_another_kind_of_answer_are_refused(system: As) -> None:
    officer = system("alert_officer")

    assert is_problem(officer.ask("GET", "/alerts", headers={"host": "example.com"}), 400)
    assert is_problem(officer.ask("GET", "/alerts", headers={"accept": "text/html"}), 406)
