"""Passwords and keys of the local stack: made once with the system's random source, 0600, never overwritten.

What follows from them (public key sets, the partners' folders) is written again at every start.
"""

import json
import os
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from joserfc.jwk import ECKey

from infra import topics
from infra.database import SERVICES
from infra.folder import Folder, private_folder, write, write_once, write_toml

KOMMUN_CODE = "0580"
"""Linköping, by SCB's list of kommuner."""

VAULT_SERVICES = ("registry", "controls", "sharing")
VAULT_KEY_BYTES = 32
ASSERTION_ISSUERS = ("cli", "gateway")
"""Who signs caller assertions on this machine."""


def arrange(folder: Folder) -> None:
    """Make the passwords and keys that are missing, and the public key sets."""
    accounts = [f"postgres-{name}" for name in ("admin", *SERVICES)]
    accounts += [f"kafka-{name}" for name in (topics.ADMIN, *topics.PRINCIPALS)]
    for account in accounts:
        write_once(folder.password_file(account), partial(secrets.token_urlsafe, 32))
    for service in VAULT_SERVICES:
        for path in vault_files(folder, service):
            if not path.exists():
                write(path, os.urandom(VAULT_KEY_BYTES))
    for path, use in ((signing_file(folder), "sig"), (encryption_file(folder), "enc")):
        write_once(path, partial(_new_key, f"{KOMMUN_CODE}-{use}", use))
    for issuer in ASSERTION_ISSUERS:
        write_once(assertion_file(folder, issuer), partial(_new_key, issuer, "sig"))
    _write_public(callers_file(folder), (_read(assertion_file(folder, issuer)) for issuer in ASSERTION_ISSUERS))
    receivers = []
    for agency in topics.AGENCIES:
        home = folder.partners / agency.name
        private_folder(home)
        keys = write_once(home / "private.jwks", partial(_new_key_set, agency.receiver_kinds))
        receivers += json.loads(keys)["keys"]
    _write_public(receivers_file(folder), receivers)


def arrange_partners(folder: Folder, bootstrap_servers: str) -> None:
    """Write what each agency gets: `partners/<agency>/`, all that a consumer of its topic needs."""
    kommun = [_read(signing_file(folder)), _read(encryption_file(folder))]
    for agency in topics.AGENCIES:
        home = folder.partners / agency.name
        _write_public(home / "kommun.jwks", kommun)
        write(home / "password", folder.password(f"kafka-{agency.name}"))
        write(home / "ca.crt", (folder.tls / "ca.crt").read_bytes())
        write_toml(
            home / "partner.toml",
            {
                "agency": agency.name,
                "kommun_source": f"urn:los:{KOMMUN_CODE}:sharing",
                "receiver_kinds": list(agency.receiver_kinds),
                "share_topic": agency.share_topic,
                "reply_topic": agency.reply_topic,
                "group_prefix": topics.group_prefix(agency.name),
                "kafka": {
                    "bootstrap_servers": bootstrap_servers,
                    "security_protocol": "SASL_SSL",
                    "sasl_mechanism": "SCRAM-SHA-512",
                    "username": agency.name,
                    "password_file": "password",
                    "ca_file": "ca.crt",
                },
                "keys": {"private_file": "private.jwks", "kommun_file": "kommun.jwks"},
            },
        )


def vault_files(folder: Folder, service: str) -> tuple[Path, Path]:
    """A service's key-encryption key and its key for blind indexes, 32 bytes each."""
    return folder.secrets / f"vault-{service}.key", folder.secrets / f"vault-{service}-index.key"


def assertion_file(folder: Folder, issuer: str) -> Path:
    """The private JWK that `issuer` signs caller assertions with."""
    return folder.secrets / f"assertion-{issuer}.jwk"


def signing_file(folder: Folder) -> Path:
    """The kommun's private JWK for signing events."""
    return folder.secrets / "kommun-signing.jwk"


def encryption_file(folder: Folder) -> Path:
    """The kommun's private JWK for opening replies."""
    return folder.secrets / "kommun-encryption.jwk"


def callers_file(folder: Folder) -> Path:
    """Public keys of those who may sign caller assertions."""
    return folder.config / "callers.jwks"


def receivers_file(folder: Folder) -> Path:
    """Public keys of all receiver kinds: to seal for them, and to check what they answer."""
    return folder.config / "receivers.jwks"


def _new_key_set(names: Iterable[str]) -> str:
    return json.dumps({"keys": [json.loads(_new_key(name)) for name in names]}, indent=2) + "\n"


def _new_key(name: str, use: str | None = None) -> str:
    key = ECKey.generate_key("P-256").as_dict(private=True, kid=f"{name}-{datetime.now(UTC).year}-1")
    return json.dumps(key if use is None else {**key, "use": use}, indent=2) + "\n"


def _read(path: Path) -> dict[str, Any]:
    key: dict[str, Any] = json.loads(path.read_text(encoding="ascii"))
    return key


def _write_public(path: Path, keys: Iterable[dict[str, Any]]) -> None:
    public = [{name: value for name, value in key.items() if name != "d"} for key in keys]
    write(path, json.dumps({"keys": public}, indent=2) + "\n")
