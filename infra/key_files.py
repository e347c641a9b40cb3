"""The key files of a data folder: JWK sets whose keys have a life (`nbf`, `exp`, `revoked`), and what rotating does to them.

Plain functions from sets to sets; `infra.secrets` and `los partner` read and write the files.
"""

import json
import re
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from infra.folder import write
from infra.problem import StackProblem

Jwk = dict[str, Any]
_KID = re.compile(r"(?P<kind>[a-z0-9-]+)-(?P<year>\d{4})-(?P<number>\d{1,6})")
_PUBLIC = ("kty", "crv", "x", "y", "kid", "use", "nbf", "exp", "revoked")
_FROM_OUTSIDE = ("kty", "crv", "x", "y", "kid", "nbf", "exp")


class KeysRefusedError(StackProblem):
    """A file of keys from outside that is not taken in."""


def read(path: Path) -> list[Jwk]:
    """The keys of a set; none, when there is no file."""
    return [dict(key) for key in json.loads(path.read_text(encoding="utf-8"))["keys"]] if path.exists() else []


def save(path: Path, keys: Iterable[Jwk]) -> None:
    """Write a set, 0600, at once; unless it says so already, so that nobody reads it again for nothing."""
    text = json.dumps({"keys": list(keys)}, indent=2) + "\n"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write(path, text)


def new(kind: str, number: int = 1, use: str | None = None, begins: datetime | None = None) -> Jwk:
    """A private P-256 key `<kind>-<year>-<number>`."""
    year = (begins or datetime.now(UTC)).year
    key: Jwk = dict(ECKey.generate_key("P-256").as_dict(private=True, kid=f"{kind}-{year}-{number}"))
    return key | ({"use": use} if use else {}) | ({"nbf": int(begins.timestamp())} if begins else {})


def public(keys: Iterable[Jwk]) -> list[Jwk]:
    """Without the private part."""
    return [{name: key[name] for name in _PUBLIC if name in key} for key in keys]


def kind_of(kid: str) -> str:
    """What a kid begins with."""
    found = _KID.fullmatch(kid)
    return found["kind"] if found else ""


def rotated(keys: Sequence[Jwk], kind: str, begins: datetime, overlap: timedelta, taken: Collection[str] = ()) -> list[Jwk]:
    """One new key of a kind, from `begins`; the others of the kind end `overlap` after that. `taken` are kids that somebody else has."""
    own = [key for key in keys if kind_of(key["kid"]) == kind]
    numbers = [
        int(found["number"]) for found in map(_KID.fullmatch, [*(key["kid"] for key in own), *taken]) if found and found["kind"] == kind
    ]
    use = own[0].get("use") if own else None
    return [*retired(keys, {kind}, begins + overlap), new(kind, max(numbers, default=0) + 1, use, begins)]


def retired(keys: Iterable[Jwk], kinds: Collection[str], end: datetime) -> list[Jwk]:
    """The keys of these kinds end at `end`, unless they end before."""
    last = int(end.timestamp())
    return [key | {"exp": min(last, key.get("exp", last))} if kind_of(key["kid"]) in kinds else key for key in keys]


def revoked(keys: Iterable[Jwk], kid: str, now: datetime) -> list[Jwk]:
    """A key is revoked at once; one that is revoked already stays as it was."""
    return [key | {"revoked": {"revoked_at": int(now.timestamp())}} if key["kid"] == kid and "revoked" not in key else key for key in keys]


def holds(key: Jwk, now: datetime) -> bool:
    """Whether it can be sealed or signed with now."""
    seconds = now.timestamp()
    return key.get("nbf", 0) <= seconds < key.get("exp", seconds + 1) and "revoked" not in key


def taken_in(
    register: Sequence[Jwk], path: Path, kinds: Collection[str], now: datetime, overlap: timedelta, others: Iterable[Jwk] = ()
) -> list[Jwk]:
    """The register with an agency's own new public keys; the older ones of the same kinds end `overlap` from now.

    `others` are keys outside the register that nobody else may have either: the kommun's own.
    Raises KeysRefusedError, in Swedish, when the file is no set of P-256 keys without private part for these receiver kinds.
    """
    try:
        offered = [dict(key) for key in json.loads(path.read_text(encoding="utf-8"))["keys"]]
    except (OSError, ValueError, KeyError, TypeError):
        message = f"{path.name}: filen är inte en nyckelsamling (JWKS) som går att läsa."
        raise KeysRefusedError(message) from None
    known = {key["kid"]: (key["x"], key["y"]) for key in (*register, *others)}
    fresh: list[Jwk] = []
    for key in offered:
        problem = _problem(key, kinds)
        place = (key.get("x"), key.get("y"))
        if not problem and known.get(key["kid"]) == place:
            register = revoked(register, key["kid"], now) if key.get("revoked") else register
            continue
        if not problem and key.get("revoked"):
            problem = "den är spärrad"
        if not problem and (key["kid"] in known or place in known.values()):
            problem = "namnet (kid) eller själva nyckeln har använts förut; varje ny nyckel ska ha ett nytt namn"
        if problem:
            message = f"{path.name}: nyckeln {key.get('kid', '(utan namn)')!s:.60} kan inte tas in: {problem}."
            raise KeysRefusedError(message)
        fresh.append({name: key[name] for name in _FROM_OUTSIDE if name in key} | {"nbf": max(key.get("nbf", 0), int(now.timestamp()))})
        known[key["kid"]] = (key["x"], key["y"])
    replaced = {kind_of(key["kid"]) for key in fresh}
    return [*retired(register, replaced, now + overlap), *fresh]


def changes(before: Iterable[Jwk], after: Iterable[Jwk]) -> list[str]:
    """What differs between two sets, in Swedish, one line a change."""
    old, lines = {key["kid"]: key for key in before}, []
    for key in after:
        was = old.get(key["kid"], {})
        if not was:
            lines.append(f"nyckel {key['kid']}: ny, gäller {_day(key['nbf']) if 'nbf' in key else 'nu'}")
        elif key.get("exp") != was.get("exp"):
            lines.append(f"nyckel {key['kid']}: slutar gälla {_day(key['exp'])}")
        if "revoked" in key and "revoked" not in was:
            lines.append(f"nyckel {key['kid']}: spärras nu")
    return lines


def _problem(key: Jwk, kinds: Collection[str]) -> str:
    """What is wrong with a key from outside; nothing, when it is right."""
    try:
        imported = ECKey.import_key(key)
    except (JoseError, ValueError, KeyError, TypeError):
        return "den är trasig"
    if "d" in key or imported.is_private:
        return "den har en privat del, som aldrig ska lämna er; gör en ny"
    if imported.curve_name != "P-256":
        return "den ska vara på kurvan P-256"
    if kind_of(str(key.get("kid"))) not in kinds:
        return f"namnet (kid) ska vara mottagarslag-år-nummer, med mottagarslag {' eller '.join(sorted(kinds))}"
    if any(name in key and type(key[name]) is not int for name in ("nbf", "exp")):
        return "nbf och exp ska vara hela sekunder sedan 1970"
    return ""


def _day(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
