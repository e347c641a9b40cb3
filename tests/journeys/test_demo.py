"""The main job as a newcomer sees it: one command, then the same folder again, then a partner with nothing but its folder."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench import payment_file
from infra import stack

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("demo")]
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
def second(data: Path, first: dict[str, Any]) -> dict[str, Any]:
    assert first
    return demo(data)


@pytest.fixture(scope="module")
def running(data: Path, second: dict[str, Any]) -> Iterator[stack.Stack]:
    assert second
    with stack.start(data, lambda _: None) as found:
        yield found


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


def test_a_second_demo_on_the_folder_sends_nothing(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert second["agencies"] == first["agencies"]
    assert set(second["imports"]["alerts"]) == {"duplicate", "rejected"}


def test_a_partner_needs_its_folder_and_nothing_else(running: stack.Stack, first: dict[str, Any], tmp_path: Path) -> None:
    for agency in AGENCIES:
        kit = tmp_path / agency
        shutil.copytree(running.folder.partners / agency, kit)
        found = events(agency, kit)
        assert len({event["id"] for event in found}) == first["agencies"][agency]["delivered"]


def test_a_protected_person_shows_nowhere(running: stack.Stack) -> None:
    for agency in AGENCIES:
        text = json.dumps(events(agency, running.folder.partners / agency))
        assert not [number for number in PROTECTED if number in text]
    logs = "".join(path.read_text(encoding="utf-8", errors="replace") for path in running.folder.logs.glob("*.log"))
    assert not [number for number in PROTECTED if number in logs]


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


def test_a_file_is_tried_read_in_taken_back_and_read_in_again(running: stack.Stack, tmp_path: Path) -> None:
    file, data = tmp_path / "utbetalningar.csv", ("--data", str(running.folder.root))
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


def test_a_longer_file_takes_no_more_memory(running: stack.Stack, tmp_path: Path) -> None:
    peaks = []
    for first, size in ((1_000, 1_000), (2_000, 5_000)):
        file = tmp_path / f"{size}.csv"
        payment_file.write(file, size, first, width=5_000)
        words = [sys.executable, "-c", MEASURED, "import", "payments", str(file), "--data", str(running.folder.root)]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        assert f"{size} registrerade" in done.stdout
        service = Path(f"/proc/{running.pids['registry']}/status").read_text(encoding="utf-8")
        peaks.append((peak_mb(done.stderr), peak_mb(service)))
        assert f" av {size} rader …" in done.stderr or size == 1_000
    (client, server), (client_later, server_later) = peaks
    assert client_later - client < 10  # the rest of the larger file is 20 MB
    assert server_later - server < 10
