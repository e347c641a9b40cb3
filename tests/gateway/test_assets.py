"""What the pages are made of: vendored with their licences, nothing from elsewhere, nothing that the policy forbids."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from services.gateway import web

STATIC = web.HERE / "static"
TEMPLATES = sorted((web.HERE / "templates").glob("*.html"))
PAGES = [path for path in TEMPLATES if path.name != "base.html" and not path.name.startswith("_")]
OURS = {"connection.js", "los.css", "los.svg", "map.js", "vendor.json"}
VENDORED = json.loads((STATIC / "vendor.json").read_text())
ELSEWHERE = r"https?://(?!www\.(?:digg|skatteverket)\.se\b)"
FORBIDDEN = re.compile(rf"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|\|\s*safe|hx-on|javascript:|{ELSEWHERE}", re.IGNORECASE)


@pytest.mark.parametrize("row", VENDORED, ids=lambda row: row["file"])
def test_a_vendored_file_is_the_one_that_was_vendored_and_has_its_licence(row: dict[str, str]) -> None:
    assert hashlib.sha256((STATIC / row["file"]).read_bytes()).hexdigest() == row["sha256"]
    assert (STATIC / row["licence_file"]).read_text().strip()
    assert row["licence"] in {"MIT", "BSD-2-Clause", "OFL-1.1"}


def test_every_file_is_ours_or_vendored() -> None:
    files = {path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file()}
    assert files == OURS | {row["file"] for row in VENDORED} | {row["licence_file"] for row in VENDORED}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_has_nothing_that_the_policy_forbids(path: Path) -> None:
    assert FORBIDDEN.findall(path.read_text()) == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_has_one_heading_of_the_first_level_and_a_title(path: Path) -> None:
    text = path.read_text()
    assert text.count("<h1") == 1
    assert "{% block title %}" in text
