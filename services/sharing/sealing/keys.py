"""The keys of both sides (design 17): P-256, a pair for each receiver kind, several of each side by side while one takes over from another.

A key is a JWK that may carry `nbf` and `exp` (Unix seconds) and `revoked` (`{"revoked_at": seconds}`), as in OpenID Federation. The newest
one that has begun and has neither ended nor been revoked seals and signs; every one that has neither ended nor been revoked opens and
verifies, also one that begins later. Pure of clock: `now` is passed in.
"""

import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self

from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from services.kernel.errors import Invalid
from services.kernel.log import log
from services.kernel.reference import reference

SIGNATURE_ALGORITHM = "ES256"
ENCRYPTION_ALGORITHMS = ("ECDH-ES+A256KW", "A256GCM")
JWE_FIXED = {"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "typ": "JOSE", "cty": "application/json"}
"""What the protected header of every encryption says, besides `kid` and `epk`."""

_KID = re.compile(r"(?P<kind>[a-z0-9-]+)-(?P<year>\d{4})-(?P<number>\d+)")


@dataclass(frozen=True, slots=True)
class Key:
    """A key and its life."""

    jwk: ECKey
    not_before: datetime | None = None
    expiry: datetime | None = None
    revoked: datetime | None = None

    @classmethod
    def read(cls, jwk: Mapping[str, Any], *, private: bool) -> Self:
        """A P-256 key with a kid. Raises ValueError, KeyError or JoseError for anything else."""
        key = ECKey.import_key(dict(jwk))
        if key.curve_name != "P-256" or key.is_private != private or not _KID.fullmatch(str(key.kid)):
            raise ValueError("a key is not a P-256 key of the right kind with a kid")
        revoked = jwk.get("revoked")
        return cls(key, _instant(jwk.get("nbf")), _instant(jwk.get("exp")), None if revoked is None else _instant(revoked["revoked_at"]))

    @property
    def kid(self) -> str:
        """`<kind>-<year>-<number>`."""
        return str(self.jwk.kid)

    @property
    def kind(self) -> str:
        """What the kid begins with: a receiver kind, or one of the kommun's own uses."""
        return _parts(self.kid)["kind"]

    @property
    def end(self) -> datetime | None:
        """From when it is of no use: the day it ends, or the moment it was revoked."""
        return min((end for end in (self.expiry, self.revoked) if end), default=None)

    def ended(self, now: datetime) -> Literal["EXPIRED", "REVOKED"] | None:
        """Why it is of no use any more, if so."""
        if self.revoked is not None and self.revoked <= now:
            return "REVOKED"
        return "EXPIRED" if self.expiry is not None and self.expiry <= now else None


def newest(keys: Iterable[Key], now: datetime) -> Key | None:
    """The key to seal or sign with: of those that hold now, the one that began last, then the one of the highest number."""
    holding = [key for key in keys if key.ended(now) is None and (key.not_before is None or key.not_before <= now)]
    return max(holding, key=_age, default=None)


@dataclass(frozen=True, slots=True)
class Receiver:
    """A receiver kind: the agency it belongs to and its public keys."""

    agency: str
    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Keys:
    """The kommun's private keys, and the public keys of each receiver kind."""

    signing: tuple[Key, ...]
    encryption: tuple[Key, ...]
    receivers: Mapping[str, Receiver]

    @classmethod
    def load(cls, signing_file: Path, encryption_file: Path, receivers_file: Path) -> Self:
        """Read three JWK sets: two of private keys, and the receiver kinds' public ones, whose `kid` is `<kind>-<year>-<number>`.

        Which agency a kind belongs to is reference data. Raises OSError, ValueError, KeyError, TypeError or JoseError when a file is not
        what it should be: the process must not start.
        """
        receivers: dict[str, Receiver] = {}
        for key in _key_set(receivers_file, private=False):
            agency = reference().receivers[key.kind].agency
            if not agency:
                raise ValueError("a receiver key has a kid of a receiver kind without an agency")
            before = receivers.get(key.kind)
            receivers[key.kind] = Receiver(agency, (*(before.keys if before else ()), key))
        return cls(_key_set(signing_file, private=True), _key_set(encryption_file, private=True), receivers)

    def signer(self, now: datetime) -> Key:
        """The kommun's key to sign with. Raises Invalid."""
        key = newest(self.signing, now)
        if key is None:
            raise Invalid("nyckel: kommunen har ingen giltig nyckel att signera med.", reason="SIGNING_KEY_MISSING")
        return key

    def receiver_key(self, receiver_kind: str, now: datetime) -> Key:
        """The key to seal to a receiver kind with. Raises Invalid."""
        key = self.newest_of(receiver_kind, now)
        if key is None:
            raise Invalid("mottagare: det finns ingen nyckel för mottagaren.", reason="RECEIVER_KEY_MISSING")
        return key

    def newest_of(self, receiver_kind: str, now: datetime) -> Key | None:
        """The key that would be used for a receiver kind now, if any."""
        receiver = self.receivers.get(receiver_kind)
        return newest(receiver.keys, now) if receiver else None

    def can_seal_to(self, receiver_kind: str, now: datetime) -> bool:
        """Whether an event to a receiver kind can be both encrypted and signed now."""
        return self.newest_of(receiver_kind, now) is not None and newest(self.signing, now) is not None

    def ends(self) -> dict[str, datetime | None]:
        """From when each key that events are sealed or signed with is of no use, by kid."""
        return {key.kid: key.end for key in [*self.signing, *(key for receiver in self.receivers.values() for key in receiver.keys)]}


class KeysOnFile:
    """The keys as their files say now: read again when a file has changed.

    A file that cannot be used leaves the keys as they were and is told in the log, once for each change.
    """

    def __init__(self, signing_file: Path, encryption_file: Path, receivers_file: Path) -> None:
        """Raises what Keys.load raises."""
        self._files = (signing_file, encryption_file, receivers_file)
        self._one_at_a_time = threading.Lock()
        self._seen = self._look()
        self._keys = Keys.load(*self._files)

    def __call__(self) -> Keys:
        """The keys to use."""
        with self._one_at_a_time:  # else who began to read before a change could put what it read in the place of what came after
            seen = self._look()
            if seen != self._seen:
                self._seen = seen
                try:
                    self._keys = Keys.load(*self._files)
                except (OSError, ValueError, KeyError, TypeError, JoseError) as error:
                    log.error("keys_not_read", error=type(error).__name__)
                else:
                    log.info("keys_read", count=len(self._keys.ends()))
            return self._keys

    def _look(self) -> Sequence[tuple[int, int, int] | None]:
        """What tells that a file is another: a whole file is put in the old one's place, which changes its number."""
        found: list[tuple[int, int, int] | None] = []
        for path in self._files:
            try:
                state = path.stat()
            except OSError:
                found.append(None)
            else:
                found.append((state.st_ino, state.st_size, state.st_mtime_ns))
        return found


KeySource = Callable[[], Keys]
"""Where the keys come from, each time they are needed."""


def _key_set(path: Path, *, private: bool) -> tuple[Key, ...]:
    keys = tuple(Key.read(jwk, private=private) for jwk in json.loads(path.read_text(encoding="utf-8"))["keys"])
    if len({key.kid for key in keys}) < len(keys):
        raise ValueError("two keys have the same kid")
    return keys


def _instant(seconds: object) -> datetime | None:
    if seconds is None:
        return None
    if not isinstance(seconds, int) or isinstance(seconds, bool):
        raise ValueError("a time of a key is not in whole seconds")  # noqa: TRY004 - one kind of failure for every broken key
    return datetime.fromtimestamp(seconds, UTC)


def _parts(kid: str) -> re.Match[str]:
    found = _KID.fullmatch(kid)
    if not found:
        raise ValueError("a kid has not the form <kind>-<year>-<number>")
    return found


def _age(key: Key) -> tuple[datetime, int, int]:
    parts = _parts(key.kid)
    return key.not_before or datetime.min.replace(tzinfo=UTC), int(parts["year"]), int(parts["number"])
