"""The demo's systems, of people.toml: their access tokens for the API, signed by a key of this machine. Never for production."""

import json
import time
from pathlib import Path
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey

from infra import key_files
from infra.folder import Folder, write_once

ISSUER = "http://localhost/los-demo"
"""A name: nothing answers there. The gateway knows the key from a file."""
AUDIENCE = "urn:los:api"
LIFETIME_S = 600
_KIND = "systems"


def settings(folder: Folder) -> dict[str, object]:
    """What the gateway's configuration says of the tokens."""
    write_once(_private_file(folder), _key_text)
    public = folder.config / "systems.jwks"
    key_files.save(public, key_files.public([json.loads(_private_file(folder).read_text(encoding="ascii"))]))
    return {"issuer": ISSUER, "audience": AUDIENCE, "keys_file": str(public)}


def token(folder: Folder, subject: str) -> str:
    """An access token (RFC 9068) for ten minutes."""
    key, now = ECKey.import_key(json.loads(_private_file(folder).read_text(encoding="ascii"))), int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": subject,
        "client_id": subject,
        "iat": now,
        "exp": now + LIFETIME_S,
        "jti": str(uuid4()),
    }
    return jwt.encode({"alg": "ES256", "typ": "at+jwt", "kid": key.kid}, claims, key)


def _private_file(folder: Folder) -> Path:
    return folder.secrets / "systems.jwk"


def _key_text() -> str:
    return json.dumps(key_files.new(_KIND, use="sig"), indent=2) + "\n"
