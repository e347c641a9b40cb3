"""Access tokens of systems: signed JWTs after RFC 9068. A token says who, and nothing more: role and unit are those of our own table."""

import json
from functools import partial
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import HttpUrl

from services.gateway.provider import ALGORITHMS, Issuer
from services.kernel.config import Model
from services.kernel.errors import Denied

TYPES = frozenset({"at+jwt", "application/at+jwt"})
"""RFC 9068 2.1: an id token of the same issuer is no access token."""
_LEEWAY_S = 60


class ApiConfig(Model):
    """Whose access tokens open the API. `audience` is how the issuer names this API; a token for another one is refused."""

    issuer: HttpUrl
    audience: str
    keys_file: Path | None = None
    """The issuer's public keys, where it shows them to nobody (local only)."""


class Tokens:
    """Reads access tokens."""

    def __init__(self, config: ApiConfig) -> None:
        """The issuer is asked for its keys at the first token, unless they are in a file."""
        self._issued_by = str(config.issuer).rstrip("/")
        self._audience = config.audience
        self._read = Issuer(self._issued_by).read if config.keys_file is None else partial(_read, _keys(config.keys_file))

    def subject(self, token: str) -> str:
        """Whom a token is about. Raises Denied for one that is not the issuer's, not for us, or not of now; Unavailable when it is away."""
        must: dict[str, Any] = {
            "iss": {"essential": True, "value": self._issued_by},
            "aud": {"essential": True, "value": self._audience},
            **{name: {"essential": True} for name in ("exp", "iat", "sub", "client_id", "jti")},
        }
        try:
            read = self._read(token)
            jwt.JWTClaimsRegistry(leeway=_LEEWAY_S, **must).validate(read.claims)
            kind, subject = read.header.get("typ"), read.claims["sub"]
        except (JoseError, ValueError, TypeError, KeyError):
            raise Denied("Åtkomstbeviset gäller inte här.") from None
        if not isinstance(kind, str) or kind.lower() not in TYPES or not isinstance(subject, str):
            raise Denied("Åtkomstbeviset gäller inte här.")
        return subject


def _keys(path: Path) -> KeySet:
    return KeySet.import_key_set(json.loads(path.read_text(encoding="ascii")))


def _read(keys: KeySet, token: str) -> jwt.Token:
    return jwt.decode(token, keys, algorithms=ALGORITHMS)
