"""Passwords and keys of the local stack: made once with the system's random source, 0600, never overwritten.

What follows from them (public key sets, the partners' folders) is written again at every start.
"""

import json
import os
import secrets
from functools import partial
from pathlib import Path

from infra import key_files, partner_kit, topics
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
        write_once(folder.password_file(account), new_password)
    for service in VAULT_SERVICES:
        for path in vault_files(folder, service):
            if not path.exists():
                write(path, os.urandom(VAULT_KEY_BYTES))
    for path, use in ((signing_file(folder), "sig"), (encryption_file(folder), "enc")):
        if not path.exists():
            key_files.save(path, [key_files.new(f"{KOMMUN_CODE}-{use}", use=use)])
    for issuer in ASSERTION_ISSUERS:
        write_once(assertion_file(folder, issuer), partial(_assertion_key, issuer))
    key_files.save(callers_file(folder), key_files.public(json.loads(assertion_file(folder, one).read_text()) for one in ASSERTION_ISSUERS))
    # The register of public keys is the kommun's own. What an agency's stand-in here has made itself is added to it.
    register = key_files.read(receivers_file(folder))
    for agency in topics.AGENCIES:
        private_folder(folder.partners / agency.name)
        private = private_file(folder, agency.name)
        if not private.exists():
            key_files.save(private, map(key_files.new, agency.receiver_kinds))
        known = {key["kid"] for key in register}
        register += [key for key in key_files.public(key_files.read(private)) if key["kid"] not in known]
    key_files.save(receivers_file(folder), register)


def arrange_partners(folder: Folder, bootstrap_servers: str) -> None:
    """Write what each agency gets."""
    for agency in topics.AGENCIES:
        write_kit(folder, agency, bootstrap_servers)


def write_kit(folder: Folder, agency: topics.Agency, bootstrap_servers: str) -> Path:
    """Write `partners/<agency>/`, all that a consumer of its topic needs, and nothing that is there already and is the agency's own."""
    home = folder.partners / agency.name
    private_folder(home)
    write_kommun_keys(folder, agency.name)
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
    partner_kit.write_rest(folder, home, agency, bootstrap_servers)
    return home


def write_kommun_keys(folder: Folder, agency: str) -> None:
    """Give an agency the kommun's public keys as they are now."""
    kommun = key_files.public([*key_files.read(signing_file(folder)), *key_files.read(encryption_file(folder))])
    key_files.save(folder.partners / agency / "kommun.jwks", kommun)


def new_password() -> str:
    """From the system's random source."""
    return secrets.token_urlsafe(32)


def vault_files(folder: Folder, service: str) -> tuple[Path, Path]:
    """A service's key-encryption key and its key for blind indexes, 32 bytes each."""
    return folder.secrets / f"vault-{service}.key", folder.secrets / f"vault-{service}-index.key"


def assertion_file(folder: Folder, issuer: str) -> Path:
    """The private JWK that `issuer` signs caller assertions with."""
    return folder.secrets / f"assertion-{issuer}.jwk"


def signing_file(folder: Folder) -> Path:
    """The kommun's private keys for signing events, a JWK set."""
    return folder.secrets / "kommun-signing.jwks"


def encryption_file(folder: Folder) -> Path:
    """The kommun's private keys for opening replies, a JWK set."""
    return folder.secrets / "kommun-encryption.jwks"


def private_file(folder: Folder, agency: str) -> Path:
    """The private keys of an agency's stand-in on this machine, one or more for each receiver kind. A real agency keeps its own."""
    return folder.partners / agency / "private.jwks"


def callers_file(folder: Folder) -> Path:
    """Public keys of those who may sign caller assertions."""
    return folder.config / "callers.jwks"


def receivers_file(folder: Folder) -> Path:
    """Public keys of all receiver kinds: to seal for them, and to check what they answer."""
    return folder.config / "receivers.jwks"


def _assertion_key(issuer: str) -> str:
    return json.dumps(key_files.new(issuer, use="sig"), indent=2) + "\n"
