"""What lies in an agency's folder beside its own keys and addresses: the contract, samples, the sandbox, and how to begin."""

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import partner
from infra import topics
from infra.folder import Folder, private_folder, write, write_toml
from partner import sandbox
from partner.contract import record_kinds
from partner.sender import RECALL_DAYS, Told

AGENCY = "sandbox"
"""The principal of whoever tries a consumer; what the made-up kommun is called stands in partner.sandbox."""
_SOURCE = "urn:los:9999:sharing"
_PACKAGE = Path(partner.__path__[0])
_README = _PACKAGE / "kit.md"
_BUILT = {"__pycache__", "node_modules", "lib", "classes", "target", "consumer"}


def write_rest(folder: Folder, home: Path, agency: topics.Agency, bootstrap_servers: str) -> None:
    """Write what is not the agency's own in its folder `home`: README.md and four folders. Keys and samples are made once."""
    write(home / "README.md", _README.read_bytes())
    for part in ("contract", "examples"):
        _copy(_PACKAGE / part, home / part)
    box = home / "sandbox"
    _write_sandbox(folder, box, agency, bootstrap_servers)
    if not (home / "samples").exists():  # the folder takes its name when it is whole
        half_made = home / "samples.new"
        shutil.rmtree(half_made, ignore_errors=True)
        _write_samples(half_made, sandbox.load(box))
        half_made.rename(home / "samples")


def _copy(source: Path, target: Path) -> None:
    """The files of a folder and its folders, without what a build has left there."""
    private_folder(target)
    for path in source.iterdir():
        copy = target / path.name
        if path.name in _BUILT:
            continue
        if path.is_dir():
            _copy(path, copy)
        elif not copy.exists() or copy.read_bytes() != path.read_bytes():
            write(copy, path.read_bytes())


def _write_sandbox(folder: Folder, box: Path, agency: topics.Agency, bootstrap_servers: str) -> None:
    """Both sides of a kommun that does not exist."""
    private_folder(box)
    write(box / "password", folder.password(f"kafka-{AGENCY}"))
    write(box / sandbox.KOMMUN_PASSWORD, folder.password(f"kafka-{sandbox.KOMMUN_PRINCIPAL}"))
    write(box / "ca.crt", (folder.tls / "ca.crt").read_bytes())
    write_toml(
        box / "partner.toml",
        {
            "agency": AGENCY,
            "kommun_source": _SOURCE,
            "receiver_kinds": list(agency.receiver_kinds),
            "share_topic": f"los.share.{AGENCY}.v1",
            "reply_topic": f"los.reply.{AGENCY}.v1",
            "group_prefix": topics.group_prefix(AGENCY),
            "kafka": {
                "bootstrap_servers": bootstrap_servers,
                "security_protocol": "SASL_SSL",
                "sasl_mechanism": "SCRAM-SHA-512",
                "username": AGENCY,
                "password_file": "password",
                "ca_file": "ca.crt",
            },
            "keys": {"private_file": "private.jwks", "kommun_file": "kommun.jwks"},
        },
    )
    if not (box / sandbox.KOMMUN_PRIVATE).exists():
        sandbox.write_keys(box, agency.receiver_kinds)


def _write_samples(samples: Path, box: sandbox.Sandbox) -> None:
    """An event of every kind, sealed to the sandbox's keys, as it lies in Kafka, and beside it what is inside."""
    private_folder(samples)
    sender = replace(box.sender(datetime.now(UTC)), days=RECALL_DAYS)
    for kind in box.kit.receiver_kinds:
        for record_kind in record_kinds(kind):
            shared = sender.told(kind, record_kind)
            key = shared.key
            corrected = sender.told(kind, record_kind, "corrected", key=key, sequence=2, replaces=[shared.disclosure_id])
            recalled = sender.told(kind, record_kind, "recalled", key=key, sequence=3, disclosure_id=corrected.disclosure_id)
            for told in (shared, corrected, recalled):
                write(samples / f"{record_kind}.{kind}.{told.change}.json", _as_json(told))


def _as_json(told: Told) -> str:
    record = told.record
    sample = {
        "topic": record.topic,
        "key": told.key,
        "headers": {name: value.decode("ascii") for name, value in record.headers},
        "value": (record.value or b"").decode("utf-8"),
        "inside": dict(told.content),
    }
    return json.dumps(sample, ensure_ascii=False, indent=2) + "\n"
