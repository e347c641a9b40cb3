"""Rules for the tree as a whole."""

import re
import tomllib
from datetime import date
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("services", "partner", "infra", "cli", "bench", "tests", "docs", "proto", "samples", ".ci", "requirements")
LINES_MAX = 400
# Longer files, each with the reason why it is one subject.
LONGER = {
    "tests/sharing/test_feedback.py": "one reading of what agencies answer",
    "tests/sharing/test_inbound.py": "one journey of a notice, from the agency to its gallring",
    "tests/controls/test_service.py": "one journey through one servicer",
}
TEXT = {".py", ".pyi", ".toml", ".md", ".proto", ".csv", ".txt", ".yaml", ".in", ""}
FOREIGN_PATH = re.compile(r"(?<![\w.])/(?:work|home|Users|root|tmp)/")
NUMBER = re.compile(r"(?<![\dA-Fa-f-])(?:19|20)?(\d{6})[-+]?(\d{4})(?![\dA-Fa-f-])")
SAMORDNING_DAY = 60


def texts() -> list[Path]:
    found = [path for path in ROOT.iterdir() if path.is_file() and path.name != ".git"]  # a file in a linked work tree
    found += [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    return [path for path in found if path.suffix in TEXT and "__pycache__" not in path.parts]


def read(path: Path) -> str:
    data = path.read_bytes()
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("cp1252")


def luhn(digits: str) -> int:
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(digits)]
    return -sum(value // 10 + value % 10 for value in doubled) % 10


def is_a_person(digits: str) -> bool:
    """Whether ten digits are a personnummer or samordningsnummer by date and check digit."""
    day = int(digits[4:6])
    try:
        date(2000, int(digits[2:4]), day - SAMORDNING_DAY if day > SAMORDNING_DAY else day)
    except ValueError:
        return False
    return luhn(digits[:9]) == int(digits[9])


def as_published(digits: str) -> str:
    """The published number behind a samordningsnummer; a personnummer as it is."""
    day = int(digits[4:6])
    if day <= SAMORDNING_DAY:
        return digits
    nine = f"{digits[:4]}{day - SAMORDNING_DAY:02}{digits[6:9]}"
    return f"{nine}{luhn(nine)}"


def test_every_personnummer_in_the_tree_is_a_published_test_number() -> None:
    published = {line.strip()[-10:] for line in (ROOT / "samples" / "testpersonnummer.txt").read_text(encoding="ascii").splitlines()}
    assert luhn("811228987") == 4  # Skatteverket's own example
    found = {
        f"{path.relative_to(ROOT)}: {match.start()}"
        for path in texts()
        if path.parent.name != "requirements"
        for match in NUMBER.finditer(read(path))
        if is_a_person(match[1] + match[2]) and as_published(match[1] + match[2]) not in published
    }
    assert sorted(found) == []


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    assert [str(path.relative_to(ROOT)) for path in texts() if FOREIGN_PATH.search(read(path)) and path != Path(__file__)] == []


def test_a_file_is_about_one_thing() -> None:
    sources = [path for path in texts() if path.suffix == ".py" and "proto" not in path.relative_to(ROOT).parts]
    longer = {path.relative_to(ROOT).as_posix() for path in sources if len(read(path).splitlines()) > LINES_MAX}
    assert sorted(longer - set(LONGER)) == []


def locked(extra: str) -> set[str]:
    text = (ROOT / "requirements" / f"{extra}.txt").read_text(encoding="ascii")
    return {line.split(" \\")[0].split(" ;")[0].strip() for line in text.splitlines() if "==" in line}


def test_what_the_product_gets_the_tests_get_in_the_same_version() -> None:
    assert locked("local") <= locked("dev")


@pytest.mark.parametrize(("extra", "groups"), [("local", ("local",)), ("dev", ("local", "dev"))])
def test_the_lock_holds_every_dependency_of_pyproject(extra: str, groups: tuple[str, ...]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *(row for group in groups for row in project["optional-dependencies"][group])]
    names = {re.split(r"[\[<>=!~]", row)[0].lower() for row in asked}
    assert names <= {row.split("==")[0] for row in locked(extra)}
