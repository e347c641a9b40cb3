"""What systems read of what is shared, tipped and counted, over the API on the running stack."""

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from services.gateway.rest import examples_shared
from services.kernel.callers import Role
from tests.gateway.doors import Crowd, someone
from tests.gateway.systems import Issuer, System
from tests.gateway.test_rest import is_problem

As = Callable[[Role, str], System]
TIP = MessageToDict(examples_shared.TIP)


@pytest.fixture
def system(crowd: Crowd, api: str, issuer: Issuer) -> As:
    """The system of a role in a unit; the crowd has accounts."""
    assert crowd
    return lambda role, unit: System(api, issuer.token(someone(role, unit).principal))


def test_a_tip_comes_from_a_system_and_is_read_by_the_units_own_coordinator_alone(system: As) -> None:
    tip = TIP | {"receivedTime": "2026-11-01T08:15:00+01:00", "summary": "Sängar i lagret, sedda två kvällar."}
    made = system(Role.SECURITY_COORDINATOR, "KLF").ask("POST", "/tips", tip)
    assert made.status_code == 201, made.text
    path = made.headers["location"].removeprefix("/los/v1")

    read = system(Role.LOS_COORDINATOR, "KLF").ask("GET", path)
    assert (read.json()["summary"], read.json()["receivedTime"]) == (tip["summary"], "2026-11-01T07:15:00Z")
    assert read.headers["etag"] == f'"{read.json()["etag"]}"'
    assert is_problem(system(Role.LOS_COORDINATOR, "MOS").ask("GET", path), 404)
    assert is_problem(system(Role.SECURITY_COORDINATOR, "KLF").ask("GET", path), 403)


@pytest.mark.parametrize("instant", ["2026-02-30T08:00:00Z", "i går", "2026-11-01", 7])
def test_an_instant_that_is_none_is_said_at_its_field(system: As, instant: object) -> None:
    answer = system(Role.INSPECTOR, "MOS").ask("POST", "/tips", TIP | {"receivedTime": instant})

    assert is_problem(answer, 400, "receivedTime")


def test_a_disclosure_is_read_with_the_content_and_all_that_came_back(system: As, known: dict[str, str]) -> None:
    officer = system(Role.FUT_INVESTIGATOR, "IAF")

    found: dict[str, Any] = officer.ask("GET", f"/disclosures/{known['disclosure_id']}").json()

    assert found["disclosure"]["receiverKind"] == "forsakringskassan"
    assert found["payload"]
    assert found["events"][0]["status"] == "awaiting_approval"
    assert known["disclosure_id"] in {row["disclosureId"] for row in officer.ask("GET", "/disclosures?limit=100").json()["items"]}
    assert known["offer_id"] in {
        row["offerId"] for row in officer.ask("GET", "/offers?states=OFFER_STATE_WAITING&limit=100").json()["items"]
    }


def test_the_register_of_sharing_is_open_to_whoever_asks_and_says_only_what_is_switched_on(api: str) -> None:
    answer = System(api).ask("GET", "/sharing-agreements")

    assert answer.status_code == 200
    flows = {entry["flow"] for entry in answer.json()["entries"]}
    assert "alert-skv" in flows
    assert "pay-kfm-15a" not in flows


def test_figures_of_a_period_that_is_not_over_are_not_there_yet_and_a_period_that_is_none_is_not_there(system: As) -> None:
    analyst = system(Role.ANALYST, "KLF")
    for path in ("registry-statistics", "control-statistics", "sharing-statistics"):
        assert is_problem(analyst.ask("GET", f"/{path}/2099"), 409, "period"), path
        assert is_problem(analyst.ask("GET", f"/{path}/2026-Q5"), 404), path


def test_a_ground_is_read_as_it_is_kept(system: As) -> None:
    jurist = system(Role.JURIST, "KLF")
    ids = [row["groundId"] for row in jurist.ask("GET", "/grounds").json()["grounds"]]

    found = jurist.ask("GET", f"/grounds/{ids[0]}").json()

    assert found["ground"]["groundId"] == ids[0]
    assert found["rule"]


def test_a_work_list_is_asked_for_by_its_name(system: As, known: dict[str, str]) -> None:
    officer = system(Role.ALERT_OFFICER, "KLF")

    new = {row["alertId"] for row in officer.ask("GET", "/alerts?list=WORK_LIST_NEW&limit=100").json()["items"]}

    assert known["alert_id"] in new
    assert is_problem(officer.ask("GET", "/alerts?list=ALLA"), 400, "list")
