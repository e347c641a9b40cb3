"""Who asks: the service whose certificate is on the connection, and the person it speaks for.

A person is named by a signed caller assertion, a compact JWS (ES256) that lives for at most 60 seconds. Services authorise the
person, not the service that carries the question (ecosystem 4).
"""

import json
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from threading import Lock

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from services.kernel.errors import Denied

LIFETIME_MAX = timedelta(seconds=60)
SKEW = timedelta(seconds=5)
CACHE_MAX = 4096


class Role(StrEnum):
    """What a person may be in los; one role in one unit at a time."""

    LANDLORD_REPORTER = "landlord_reporter"
    ALERT_OFFICER = "alert_officer"
    CASE_OFFICER = "case_officer"
    FUT_INVESTIGATOR = "fut_investigator"
    APPROVER = "approver"
    FUT_MANAGER = "fut_manager"
    LOS_COORDINATOR = "los_coordinator"
    INSPECTOR = "inspector"
    JURIST = "jurist"
    RECORDS_OFFICER = "records_officer"
    SECURITY_COORDINATOR = "security_coordinator"
    SECURITY_OFFICER = "security_officer"
    SECURITY_CHIEF = "security_chief"
    ANALYST = "analyst"


@dataclass(frozen=True, slots=True)
class Caller:
    """A person in a role and a unit, brought by a service; or a service alone (person, role and unit are None).

    `organisation` is the landlord's organisation number for a `landlord_reporter`, otherwise None.
    """

    service: str
    person: str | None = None
    role: Role | None = None
    unit: str | None = None
    organisation: str | None = None

    @property
    def principal(self) -> str:
        """Whose request ids these are: the person, or the service."""
        return self.person or self.service

    @property
    def seat(self) -> tuple[str, str, str]:
        """Person, role and unit; empty words where a service asks for itself."""
        return self.person or "", self.role or "", self.unit or ""


def sign_assertion(key: ECKey, caller: Caller, audience: str, now: datetime) -> str:
    """A compact JWS that names `caller` to the service `audience` for 60 seconds from `now`."""
    claims = {
        "iss": caller.service,
        "sub": caller.person,
        "role": caller.role,
        "unit": caller.unit,
        "aud": audience,
        "iat": int(now.timestamp()),
        "exp": int((now + LIFETIME_MAX).timestamp()),
    }
    if caller.organisation:
        claims["org"] = caller.organisation
    return jws.serialize_compact({"alg": "ES256", "kid": key.kid}, json.dumps(claims).encode(), key)


class Assertions:
    """Checks caller assertions against the public keys of the services that may sign them.

    A token that was checked once is remembered until it expires: the signature costs 115 µs.
    """

    def __init__(self, keys: KeySet, audience: str) -> None:
        """`keys` are public P-256 keys whose kid is `<issuer>-…`; `audience` is this service's name."""
        self._keys = {key.kid: key for key in keys.keys}
        self._audience = audience
        self._known: OrderedDict[str, tuple[datetime, str, Caller]] = OrderedDict()
        self._lock = Lock()

    @classmethod
    def from_file(cls, path: Path, audience: str) -> "Assertions":
        """Read a JWK set."""
        return cls(KeySet.import_key_set(json.loads(path.read_text(encoding="utf-8"))), audience)

    def verify(self, token: str, bearer: str, now: datetime) -> Caller:
        """The caller that `token` names, when it was brought by the service `bearer`, who must have signed it.

        Raises Denied: altered, expired, for another service, signed by somebody else, or with another algorithm.
        """
        with self._lock:
            known = self._known.get(token)
        if known is not None:
            expires, issuer, caller = known
            if now < expires and issuer == bearer:
                return caller
            raise Denied("caller: intyget om vem som frågar gäller inte.")
        expires, caller = self._read(token, bearer, now)
        with self._lock:
            self._known[token] = (expires, bearer, caller)
            while len(self._known) > CACHE_MAX:
                self._known.popitem(last=False)
        return caller

    def _read(self, token: str, bearer: str, now: datetime) -> tuple[datetime, Caller]:
        refused = Denied("caller: intyget om vem som frågar gäller inte.")
        try:
            kid = jws.extract_compact(token.encode()).headers().get("kid", "")
            verified = jws.deserialize_compact(token, self._keys[kid], algorithms=["ES256"])
            claims = json.loads(verified.payload)
            issued, expires = (datetime.fromtimestamp(claims[name], UTC) for name in ("iat", "exp"))
            caller = Caller(claims["iss"], claims["sub"], Role(claims["role"]), claims["unit"], claims.get("org"))
        except (JoseError, KeyError, ValueError, TypeError):
            raise refused from None
        if claims.get("aud") != self._audience or caller.service != bearer or not kid.startswith(f"{bearer}-"):
            raise refused
        if not (issued - SKEW <= now < expires and expires - issued <= LIFETIME_MAX and caller.person and caller.unit):
            raise refused
        return expires, caller
