"""The folder a partner gets from the kommun, and all it needs: addresses, password, certificate and keys.

`partner.toml` names the rest. Nothing is read from the environment, so a copied folder works anywhere.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from partner.jose import ended

_TABLES = {
    "": {
        "agency",
        "kommun_source",
        "receiver_kinds",
        "share_topic",
        "reply_topic",
        "group_prefix",
        "kafka",
        "keys",
    },
    "kafka": {
        "bootstrap_servers",
        "security_protocol",
        "sasl_mechanism",
        "username",
        "password_file",
        "ca_file",
    },
    "keys": {"private_file", "kommun_file"},
}
_ADDRESSES = re.compile(r"[^\s,]+:\d{1,5}(?:,\s*[^\s,]+:\d{1,5})*", re.ASCII)


class KitError(Exception):
    """The folder cannot be used. The text is Swedish, for a person, and names the file."""


@dataclass(frozen=True, slots=True)
class Broker:
    """How to reach the kommun's broker: always TLS and SCRAM-SHA-512."""

    bootstrap_servers: str
    username: str
    password: str = field(repr=False)
    ca_file: str


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys of one partner, imported once, by `kid`; several may stand side by side while one takes over from another.

    A private key both opens what is sent to its receiver kind and signs what that answers (docs: design 17). Every key opens or
    verifies until it has ended (`exp`) or been `revoked`.
    """

    private: Mapping[str, ECKey]
    receiver_kind: Mapping[str, str]
    kommun_signing: Mapping[str, ECKey]
    kommun_encryption: Mapping[str, ECKey]

    def of_kind(self, receiver_kind: str, now: datetime) -> ECKey:
        """The newest private key of one of the agency's own receiver kinds, to sign with. Raises KitError when none holds."""
        own = [key for kid, key in self.private.items() if self.receiver_kind[kid] == receiver_kind]
        return _newest(own, now, f"private.jwks: ingen nyckel för {receiver_kind} gäller nu.")

    def to_kommun(self, now: datetime) -> ECKey:
        """The kommun's newest key to encrypt to. Raises KitError when none holds."""
        return _newest(self.kommun_encryption.values(), now, "kommun.jwks: ingen av kommunens nycklar för kryptering gäller nu.")


@dataclass(frozen=True, slots=True)
class Kit:
    """What `partner.toml` says."""

    agency: str
    kommun_source: str
    receiver_kinds: tuple[str, ...]
    share_topic: str
    reply_topic: str
    group_prefix: str
    broker: Broker
    keys: Keyring

    @property
    def source(self) -> str:
        """The CloudEvents source of this agency's replies."""
        return f"urn:los:agency:{self.agency}"


def load(folder: Path) -> Kit:
    """Read a partner's folder. Raises KitError."""
    settings = _settings(folder / "partner.toml")
    kafka: dict[str, str] = settings["kafka"]
    if kafka["security_protocol"] != "SASL_SSL" or kafka["sasl_mechanism"] != "SCRAM-SHA-512":
        raise KitError("partner.toml: bara SASL_SSL med SCRAM-SHA-512 får användas.")
    if not _ADDRESSES.fullmatch(kafka["bootstrap_servers"]):
        raise KitError("partner.toml: bootstrap_servers ska vara värd:port, med komma mellan flera.")
    ca_file = folder / kafka["ca_file"]
    if not ca_file.is_file():
        raise KitError(f"{ca_file.name}: filen saknas i partnermappen.")
    return Kit(
        agency=settings["agency"],
        kommun_source=settings["kommun_source"],
        receiver_kinds=tuple(settings["receiver_kinds"]),
        share_topic=settings["share_topic"],
        reply_topic=settings["reply_topic"],
        group_prefix=settings["group_prefix"],
        broker=Broker(
            bootstrap_servers=kafka["bootstrap_servers"],
            username=kafka["username"],
            password=_text(folder / kafka["password_file"]).strip(),
            ca_file=str(ca_file),
        ),
        keys=keyring(
            _key_set(folder / settings["keys"]["private_file"]),
            _key_set(folder / settings["keys"]["kommun_file"]),
            tuple(settings["receiver_kinds"]),
        ),
    )


def keyring(private: list[dict[str, Any]], kommun: list[dict[str, Any]], receiver_kinds: tuple[str, ...]) -> Keyring:
    """Import the JSON Web Keys of a partner. Raises KitError when one is missing, foreign or not P-256."""
    own = _by_kid(private, "private.jwks", private=True)
    kinds = {kid: kind for kid in own for kind in receiver_kinds if re.fullmatch(rf"{re.escape(kind)}-\d{{4}}-\d+", kid)}
    if set(kinds) != set(own) or set(kinds.values()) != set(receiver_kinds):
        raise KitError("private.jwks: det ska finnas en nyckel (kid) för varje mottagarslag och ingen för något annat.")
    signing = _by_kid([key for key in kommun if key.get("use") == "sig"], "kommun.jwks", private=False)
    encryption = _by_kid([key for key in kommun if key.get("use") == "enc"], "kommun.jwks", private=False)
    if not signing or not encryption:
        raise KitError("kommun.jwks: kommunens nyckel för signatur eller för kryptering saknas.")
    return Keyring(MappingProxyType(own), MappingProxyType(kinds), MappingProxyType(signing), MappingProxyType(encryption))


def _settings(path: Path) -> dict[str, Any]:
    try:
        settings = tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError as error:
        raise KitError(f"{path.name}: filen går inte att läsa som TOML.") from error
    for table, names in _TABLES.items():
        found = settings.get(table, {}) if table else settings
        if set(found) != names:
            wrong = ", ".join(sorted(names ^ set(found)))
            raise KitError(f"{path.name}: saknade eller okända uppgifter: {wrong}.")
        for name in names - set(_TABLES):
            texts = found[name] if name == "receiver_kinds" and isinstance(found[name], list) else [found[name]]
            if not all(isinstance(text, str) for text in texts):
                raise KitError(f"{path.name}: {name} ska vara text.")
    return settings


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise KitError(f"{path.name}: filen saknas eller får inte läsas i mappen {path.parent}.") from error
    except UnicodeDecodeError as error:
        raise KitError(f"{path.name}: filen är inte text i UTF-8.") from error


def _key_set(path: Path) -> list[dict[str, Any]]:
    try:
        return [dict(key) for key in json.loads(_text(path))["keys"]]
    except (ValueError, KeyError, TypeError) as error:
        raise KitError(f"{path.name}: filen är inte en nyckelsamling (JWKS).") from error


def _by_kid(keys: list[dict[str, Any]], name: str, *, private: bool) -> dict[str, ECKey]:
    found: dict[str, ECKey] = {}
    for key in keys:
        imported = _imported(key, name, private=private)
        if not imported.kid or imported.kid in found:
            raise KitError(f"{name}: en nyckel saknar namn (kid), eller två har samma.")
        found[imported.kid] = imported
    return found


def _imported(key: dict[str, Any], name: str, *, private: bool) -> ECKey:
    try:
        imported = ECKey.import_key(key)
        times = [key.get("nbf"), key.get("exp"), key["revoked"]["revoked_at"] if "revoked" in key else None]
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise KitError(f"{name}: en nyckel är trasig.") from error
    if imported.curve_name != "P-256" or imported.is_private != private:
        raise KitError(f"{name}: en nyckel är av fel slag.")
    if not all(time is None or type(time) is int for time in times):
        raise KitError(f"{name}: nbf, exp och revoked_at ska vara hela sekunder sedan 1970.")
    return imported


def _newest(keys: Iterable[ECKey], now: datetime, missing: str) -> ECKey:
    """Of the keys that hold now, the one that began last, then the one of the highest year and number."""
    holding = [key for key in keys if ended(key, now) is None and _begins(key) <= now.timestamp()]
    if not holding:
        raise KitError(missing)
    return max(holding, key=lambda key: (_begins(key), *map(int, re.findall(r"\d+", str(key.kid))[-2:])))


def _begins(key: ECKey) -> int:
    begins: Any = key.get("nbf")
    return begins or 0
