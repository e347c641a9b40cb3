"""The keys of both sides, imported once. Every pair is on P-256; one pair for each receiver kind (design 17)."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from joserfc.jwk import ECKey

from services.kernel.reference import reference

SIGNATURE_ALGORITHM = "ES256"
ENCRYPTION_ALGORITHMS = ("ECDH-ES+A256KW", "A256GCM")
JWE_FIXED = {"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "typ": "JOSE", "cty": "application/json"}
"""What the protected header of every encryption says, besides `kid` and `epk`."""

_RECEIVER_KID = re.compile(r"(?P<kind>[a-z-]+)-\d{4}-\d+")


@dataclass(frozen=True, slots=True)
class Receiver:
    """A receiver kind: the agency it belongs to and its public key."""

    agency: str
    key: ECKey


@dataclass(frozen=True, slots=True)
class Keys:
    """The kommun's private keys, and the public key of each receiver kind."""

    signing: ECKey
    encryption: ECKey
    receivers: Mapping[str, Receiver]

    @classmethod
    def load(cls, signing_file: Path, encryption_file: Path, receivers_file: Path) -> Self:
        """Read two private JWKs, and the receiver kinds' public keys as a JWKS whose `kid` is `<kind>-<year>-<number>`.

        Which agency a kind belongs to is reference data. Raises OSError, ValueError, KeyError or JoseError when a file
        is not what it should be: the process must not start.
        """
        receivers = {}
        for jwk in json.loads(receivers_file.read_text(encoding="utf-8"))["keys"]:
            key = _key(jwk, private=False)
            kind = _RECEIVER_KID.fullmatch(str(key.kid))
            agency = reference().receivers[kind["kind"]].agency if kind else None
            if not kind or not agency or kind["kind"] in receivers:
                raise ValueError("a receiver key has a kid of no receiver kind with an agency, or of one that has a key")
            receivers[kind["kind"]] = Receiver(agency, key)
        return cls(
            signing=_key(json.loads(signing_file.read_text(encoding="utf-8")), private=True),
            encryption=_key(json.loads(encryption_file.read_text(encoding="utf-8")), private=True),
            receivers=receivers,
        )


def _key(jwk: dict[str, Any], *, private: bool) -> ECKey:
    key = ECKey.import_key(jwk)
    if key.curve_name != "P-256" or key.is_private != private or not key.kid:
        raise ValueError("a key is not a P-256 key of the right kind with a kid")
    return key
