"""Writes what is made from the law: the table and the public register. `python -m services.sharing.legal.documents`."""

import sys
from collections.abc import Mapping
from pathlib import Path

from services.sharing.legal.load import Law, law
from services.sharing.legal.matrix import table
from services.sharing.legal.register import as_json, as_markdown, register

FOLDER = Path(__file__).resolve().parents[3] / "docs"


def documents(rules: Law) -> Mapping[str, str]:
    """File name -> text."""
    entries = register(rules)
    return {
        "law-matrix.txt": table(rules),
        "sharing-register.md": as_markdown(rules, entries),
        "sharing-register.json": as_json(entries),
    }


def main() -> int:
    """Write them. 0."""
    for name, text in documents(law()).items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        sys.stdout.write(f"docs/{name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
