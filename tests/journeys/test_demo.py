"""The main job as a newcomer sees it: one command, then the same folder again, then a partner with nothing but its folder."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2 as controls

from bench import payment_file
from cli import walk
from cli.client import Session
from cli.client import Stack as Client
from cli.demo import SEATS
from infra.folder import Folder
from services.kernel.callers import Role
from services.kernel.clock import Clock

pytestmark = pytest.mark.timeout(600)
AGENCIES = ("skatteverket", "forsakringskassan", "kronofogden", "polisen")
# Rows 5 and 33 of the payments are marked as protected (samples/iaf_utbetalningar.csv).
PROTECTED = ("198107272398", "199712252395")


def los(*words: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "cli.main", *words], env=environment, capture_output=True, text=True, check=False)


def demo(data: Path) -> dict[str, Any]:
    done = los("demo", "--data", str(data), "--once", "--json", environment={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]})
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "data"


@pytest.fixture(scope="module")
def first(data: Path) -> dict[str, Any]:
    return demo(data)


@pytest.fixture(scope="module")
def again(data: Path, first: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The demo on the same folder once more, running; what it printed."""
    assert first
    with (data.parent / "again.log").open("w+") as log:
        words = [sys.executable, "-m", "cli.main", "demo", "--data", str(data), "--json"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=log, text=True) as running:
            try:
                assert running.stdout is not None
                printed = running.stdout.readline()
                log.seek(0)
                assert printed, log.read()
                yield json.loads(printed)
            finally:
                running.terminate()


@pytest.fixture(scope="module")
def folder(data: Path, again: dict[str, Any]) -> Folder:
    assert again
    return Folder(data)


def events(agency: str, kit: Path) -> list[dict[str, Any]]:
    done = los("partner", "listen", agency, "--kit", str(kit), "--until-idle", "2", "--json", environment={})
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_files_go_in_as_their_expected_answers_say(first: dict[str, Any]) -> None:
    assert first["imports"] == {
        "alerts": {"accepted": 57, "accepted_needs_review": 15, "duplicate": 3, "rejected": 15},
        "payments": {"accepted": 49, "accepted_protected": 2, "duplicate": 1, "rejected": 8},
        "objects": {"accepted": 60},
    }


def test_each_agency_gets_something_on_a_ground_of_its_own(first: dict[str, Any]) -> None:
    grounds = {agency: set(found["by_ground"]) for agency, found in first["agencies"].items()}
    assert grounds == {
        "skatteverket": {"fol-32c-2021", "samnr-4-1-2023", "los-inbjudan-oppna-uppgifter", "osl-10-2"},
        "forsakringskassan": {"underrattelselagen-2026", "los-inbjudan-oppna-uppgifter"},
        "kronofogden": {"los-inbjudan-oppna-uppgifter", "osl-10-2"},
        "polisen": {"bidragsbrott-6", "los-inbjudan-oppna-uppgifter", "osl-10-2"},
    }


@pytest.mark.parametrize("agency", ["kronofogden", "polisen"])
def test_kronofogden_and_polisen_never_see_a_person(first: dict[str, Any], agency: str) -> None:
    assert not [field for field in first["agencies"][agency]["fields"] if field.startswith(("subject.", "dwelling.", "payment."))]


def test_forsakringskassan_plans_and_never_learns_the_object(first: dict[str, Any]) -> None:
    assert not [field for field in first["agencies"]["forsakringskassan"]["fields"] if field.startswith("control.object_")]


def test_duties_without_a_channel_stay_open_tasks(first: dict[str, Any]) -> None:
    assert first["no_channel"] > 0
    assert first["tasks"] == first["no_channel"] + 1  # and the police report that a person carries


def test_protected_persons_and_own_errors_stop(first: dict[str, Any]) -> None:
    assert first["stopped"] == 3
    assert first["reasons"]["refused"]["Kommunens eget fel: ingen underrättelse."] > 0


def test_a_second_demo_on_the_folder_sends_nothing(first: dict[str, Any], again: dict[str, Any]) -> None:
    assert again["agencies"] == first["agencies"]
    assert set(again["imports"]["alerts"]) == {"duplicate", "rejected"}


def test_a_partner_needs_its_folder_and_nothing_else(folder: Folder, first: dict[str, Any], tmp_path: Path) -> None:
    for agency in AGENCIES:
        kit = tmp_path / agency
        shutil.copytree(folder.partners / agency, kit)
        found = events(agency, kit)
        assert len({event["id"] for event in found}) == first["agencies"][agency]["delivered"]


def test_a_protected_person_shows_nowhere(folder: Folder) -> None:
    for agency in AGENCIES:
        text = json.dumps(events(agency, folder.partners / agency))
        assert not [number for number in PROTECTED if number in text]
    logs = "".join(path.read_text(encoding="utf-8", errors="replace") for path in folder.logs.glob("*.log"))
    assert not [number for number in PROTECTED if number in logs]


@pytest.fixture(scope="module")
def sessions(folder: Folder) -> Iterator[dict[tuple[Role, str], Session]]:
    client = Client(folder.root)
    with ExitStack() as opened:
        yield {seat: opened.enter_context(client.speaking_for(client.first(*seat))) for seat in SEATS}


@pytest.mark.parametrize("inspector", ["sf-inspektor-1", "mos-inspektor-1"])  # the second leads, and begins
def test_an_inspector_finds_an_operation_of_today_that_can_begin(folder: Folder, inspector: str) -> None:
    client = Client(folder.root)
    with client.speaking_for(client.person(inspector)) as session:
        rows = session.controls.ListOperations(controls.ListOperationsRequest(invited=True)).operations
        (row,) = [row for row in rows if row.window_start == Clock().today().isoformat()]
        assert row.state == controls.OPERATION_STATE_CONFIRMED
        found = session.controls.GetOperation(controls.GetOperationRequest(operation_id=row.operation_id))
        assert len(found.visits) == walk.VISITS
        assert [(part.receiver_kind, part.answer) for part in found.participations] == [("SF", common_pb2.INVITATION_ANSWER_ACCEPTED)]
        if found.field_lead == inspector:
            risk = controls.BriefOperationRequest(
                request_id=str(uuid4()),
                operation_id=row.operation_id,
                etag=found.etag,
                risk_level=controls.RISK_LEVEL_LOW,
                assembly_point=found.assembly_point,
            )
            etag = session.controls.BriefOperation(risk).etag
            began = controls.StartOperationRequest(request_id=str(uuid4()), operation_id=row.operation_id, etag=etag)
            assert session.controls.StartOperation(began).state == controls.OPERATION_STATE_IN_PROGRESS


def test_an_invitation_that_is_sent_while_the_demo_runs_is_answered(
    sessions: dict[tuple[Role, str], Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "OPERATION", "LOS-2026-2")
    later = walk.Walk(sessions, print)
    operation_id = later.plan_operation()
    coordinator = sessions[Role.LOS_COORDINATOR, "MOS"]
    later.share("MOS", {"control_invitation": (coordinator, None)})
    later.confirm_operation(operation_id)  # when all four have answered
    found = coordinator.controls.GetOperation(controls.GetOperationRequest(operation_id=operation_id))
    assert {part.answer for part in found.participations} == {common_pb2.INVITATION_ANSWER_ACCEPTED}


# The command as its user runs it, and then how much memory it took at the most.
MEASURED = """
import sys
from pathlib import Path
from cli.main import main
try:
    main()
finally:
    sys.stderr.write(Path("/proc/self/status").read_text())
"""


def peak_mb(status: str) -> float:
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


def test_a_file_is_tried_read_in_taken_back_and_read_in_again(folder: Folder, tmp_path: Path) -> None:
    file, data = tmp_path / "utbetalningar.csv", ("--data", str(folder.root))
    payment_file.write(file, 20)
    tried = los("import", "payments", str(file), "--dry-run", *data)
    assert tried.returncode == 0, tried.stderr
    assert "20 registrerade" in tried.stdout
    assert "provkörning: inget har registrerats" in tried.stdout
    for _ in range(2):
        done = los("import", "payments", str(file), *data)
        assert "20 registrerade" in done.stdout, done.stderr
        command = done.stdout.splitlines()[-1].partition("los ")[2].split()
        assert command[:2] == ["import", "undo"]
        undone = los(*command, *data)
        assert undone.stdout == "20 ärenden är återtagna.\n", undone.stderr


def test_a_longer_file_takes_no_more_memory(folder: Folder, tmp_path: Path) -> None:
    peaks = []
    for first, size in ((1_000, 1_000), (2_000, 5_000)):
        file = tmp_path / f"{size}.csv"
        payment_file.write(file, size, first, width=5_000)
        words = [sys.executable, "-c", MEASURED, "import", "payments", str(file), "--data", str(folder.root)]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        assert f"{size} registrerade" in done.stdout
        service = Path(f"/proc/{(folder.run / 'registry.pid').read_text()}/status").read_text(encoding="utf-8")
        peaks.append((peak_mb(done.stderr), peak_mb(service)))
        assert f" av {size} rader …" in done.stderr or size == 1_000
    (client, server), (client_later, server_later) = peaks
    assert client_later - client < 10  # the rest of the larger file is 20 MB
    assert server_later - server < 10
