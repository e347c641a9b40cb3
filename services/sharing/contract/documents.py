"""The files of partner/contract/, made from the code and the law's data that build the events."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from services.sharing.contract.asyncapi import asyncapi
from services.sharing.contract.content import Contract
from services.sharing.contract.schemas import schemas
from services.sharing.legal import Law

FOLDER = Path(__file__).resolve().parents[3] / "partner" / "contract"
RELEASED = "released.json"

_WIDTH = 130
_README = """# The contract, version 1

What a kommun sends you and what you answer, made from the code that builds it (`python -m services.sharing.contract`). Edit nothing here.
[asyncapi.json](asyncapi.json): topics, messages, headers, security. `content/`: one schema per record kind, receiver kind and change, for
what is inside the encryption. `replies/`: what you answer. `fields.json`: every field, once. `released.json`: the last release.
Within v1 fields, codes, grounds and messages are added, never taken away. What "ships off" is not sent until a jurist has opened it.

# Kontraktet, version 1

Det här är vad en kommun skickar till er och vad ni svarar. Filerna görs av koden som bygger händelserna: ändra inget här.
[asyncapi.json](asyncapi.json): ämnen, meddelanden, meddelandehuvuden, säkerhet. `content/`: ett schema för varje slags uppgift, mottagare
och ändring, för det som är krypterat. `replies/`: vad ni svarar. `fields.json`: varje fält. `released.json`: det senast släppta.
Inom version 1 läggs fält, koder, lagstöd och meddelanden till; inget tas bort. "Ships off": skickas inte förrän en jurist har öppnat det.
"""


def documents(rules: Law) -> Mapping[str, str]:
    """File name -> text, all but what was released."""
    contract = Contract(rules)
    files = {"asyncapi.json": asyncapi(rules, contract)} | dict(schemas(rules, contract))
    return {"README.md": _README} | {name: written(file) + "\n" for name, file in files.items()}


def bundle(files: Mapping[str, str]) -> dict[str, Any]:
    """The files that say something, read, by name: what is compared with the last release."""
    return {name: json.loads(text) for name, text in files.items() if name.endswith(".json") and name != RELEASED}


def read(folder: Path = FOLDER) -> dict[str, str]:
    """The files as they lie there."""
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.*")) if path.is_file()}


def written(value: object, indent: int = 0) -> str:
    """JSON as a person reads it: what fits stands on one line."""
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or not value or len(line) + indent <= _WIDTH:
        return line
    inside = " " * (indent + 1)
    if isinstance(value, dict):
        parts = [f"{inside}{json.dumps(name, ensure_ascii=False)}: {written(part, indent + 1)}" for name, part in value.items()]
    else:
        parts = [f"{inside}{written(part, indent + 1)}" for part in value]
    start, end = ("{", "}") if isinstance(value, dict) else ("[", "]")
    return "\n".join((start, ",\n".join(parts), " " * indent + end))
