"""The partner's side is handed to agencies: it needs three libraries, and nothing of the kommun's."""

import ast
import subprocess
import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import partner
from tests.partner.builders import a_folder

PACKAGE = Path(partner.__file__).parent
ALLOWED = {"partner", "kafka", "joserfc", "cloudevents"}
CHECK = """
import sys
sys.path.append(sys.argv[1])
from pathlib import Path
from partner import check, consumer, kit
from partner.reference import ReferencePartner, demo_answer
findings = list(check.consumer(kit.load(Path(sys.argv[2])), lambda own: ReferencePartner(own, demo_answer(own.agency))))
from partner.database import DatabaseProblem, connect
try:
    connect("postgresql://127.0.0.1:1/inbox")
except DatabaseProblem as problem:
    assert "Paketet psycopg saknas" in str(problem), problem
print(len(findings), sum(finding.right for finding in findings))
"""


OPTIONAL = {"database.py": {"psycopg"}}
"""Imported when a PostgreSQL address is given and not before, so that a partner with SQLite does without: the run below has none."""


def imported(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, file
            names.add((node.module or "").split(".")[0])
    return names - sys.stdlib_module_names


OURS = [file for file in sorted(PACKAGE.rglob("*.py")) if file.parent.name != "python"]  # that example is not built on the SDK


@pytest.mark.parametrize("file", OURS, ids=lambda file: file.name)
def test_a_module_of_the_partner_imports_its_three_libraries_and_nothing_of_ours(file: Path) -> None:
    assert imported(file) <= ALLOWED | OPTIONAL.get(file.name, set())


def test_the_partner_runs_where_only_its_three_libraries_are_installed(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "partner").symlink_to(PACKAGE)
    for found in with_requirements("kafka-python", "joserfc", "cloudevents"):
        for file in found.files or ():
            top = file.parts[0]
            if top not in {"..", "__pycache__"} and not (site / top).exists():
                (site / top).symlink_to(Path(str(found.locate_file(top))))
    folder = a_folder(tmp_path / "kit")

    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", CHECK, str(site), str(folder)],
        capture_output=True,
        text=True,
        env={},
        check=False,
        timeout=120,
    )

    assert ran.returncode == 0, ran.stderr
    total, right = ran.stdout.split()
    assert total == right != "0"


def with_requirements(*names: str) -> list[Distribution]:
    """The distributions and all that they need."""
    found: dict[str, Distribution] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name] = distribution(name)
        needs = [Requirement(text) for text in found[name].requires or ()]
        waiting += [need.name for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
    return list(found.values())
