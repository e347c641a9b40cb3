"""Judges from outside: axe-core for accessibility, the Nu Html Checker, Hunspell's Swedish, Lighthouse. Locked in package-lock.json."""

import json
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from services.kernel.reference import reference
from tests.programs import built, require

HERE = Path(__file__).parent
ASK_S = 240
WORDS = HERE / "words.txt"
"""The words of ours that the dictionary lacks, one a line; # begins a comment."""


def installed() -> Path:
    """The folder with the locked packages."""
    require("npm")
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    sources = [HERE / name for name in ("package.json", "package-lock.json", "spell.mjs", "lighthouse.mjs")]
    return built("web-judges", sources, lambda _: [command])


def axe() -> str:
    """The program that is put into a page."""
    return (installed() / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def invalid(pages: Mapping[str, str], folder: Path) -> list[str]:
    """What the Nu Html Checker has against these pages, by name; errors and warnings."""
    java = require("java")
    for name, html in pages.items():
        (folder / f"{name}.html").write_text(html, encoding="utf-8")
    jar = installed() / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"
    done = subprocess.run(
        [java, "-jar", str(jar), "--format", "json", "--exit-zero-always", str(folder)],
        capture_output=True,
        check=True,
        timeout=ASK_S,
    )
    found = json.loads(done.stderr)["messages"]
    return [f"{Path(each['url']).stem}:{each.get('lastLine', '')}: {each['message']}" for each in found]


def misspelt(texts: Mapping[str, str]) -> dict[str, str]:
    """The words that neither the Swedish dictionary nor our own list knows, each with a page that shows it."""
    lines = WORDS.read_text(encoding="utf-8").splitlines()
    ours = {word for line in lines for word in [line.partition("#")[0].strip().lower()] if word}
    known = reference()  # a code that is sent stands beside its word
    ours |= {row.code for rows in (known.benefits, known.receivers, known.causes, known.error_kinds, known.sources) for row in rows}
    shown = {word: name for name, text in texts.items() for word in words(text) if word.lower() not in ours}
    return {word: shown[word] for word in _ask("spell.mjs", sorted(shown))}


def words(text: str) -> Iterable[str]:
    """The words of a text as far as they can be spelt: no codes, numbers or addresses."""
    for piece in re.split(r"[\s/()«»”\"]+", text.replace("\N{SOFT HYPHEN}", "")):
        if not re.search(r"[\d_@§]|\w[.:]\w|://|^IAF-[a-f]{8}$", piece):
            yield from re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", piece)


def scores(pages: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Lighthouse's scores of pages (url, cookie, profile)."""
    answers: list[dict[str, Any]] = _ask("lighthouse.mjs", pages)
    return answers


def _ask(program: str, question: object) -> Any:  # noqa: ANN401  # any JSON
    node = require("node")
    done = subprocess.run(
        [node, str(installed() / program)], input=json.dumps(question).encode(), stdout=subprocess.PIPE, check=True, timeout=ASK_S
    )
    return json.loads(done.stdout)
