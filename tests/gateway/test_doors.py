"""Who may open what, on the running stack: every address × every role, at home and elsewhere, and nobody (docs/pages-and-roles.toml)."""

import re
from collections.abc import Callable, Mapping
from uuid import uuid4

import httpx2
import pytest

from services.gateway.web import CSP, STATIC_CACHE
from services.kernel.callers import Caller, Role
from tests.gateway.doors import Door, Visitor, elsewhere, someone, table

DOORS = table()
OPEN, CLOSED = [door for door in DOORS if door.is_open], [door for door in DOORS if not door.is_open]
NAMING = [door for door in CLOSED if door.records and not door.blind]
SIGNED_OUT, REFUSED, ABSENT = 401, 403, 404
# What is another one each time: whose page it is, when, and which record was asked for.
PASSING = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{64}"
    r'|(?<=name="csrf" value=")[^"]+|(?<="instance":"urn:los:trace:)[0-9a-f]{32}'
)
PASSING_HEADERS = {"date", "content-length", "traceparent"}
Ask = Callable[[Caller | None], Visitor]


def nothing(known: Mapping[str, str]) -> dict[str, str]:
    """The same words for records that are not there."""
    return {
        name: "finns-inte" if name == "ground_id" else value if name.endswith("payload_hash") else str(uuid4())
        for name, value in known.items()
    }


def look(answer: httpx2.Response) -> tuple[int, str, dict[str, str]]:
    """All that the other end can see of an answer, but what is another one each time."""
    headers = {name: value for name, value in answer.headers.items() if name not in PASSING_HEADERS}
    return answer.status_code, PASSING.sub("…", answer.text.replace(answer.url.path, "…")), headers


def is_answered(answer: httpx2.Response) -> bool:
    return answer.status_code not in {SIGNED_OUT, REFUSED, ABSENT} and answer.status_code < 500


def is_guarded(door: Door, answer: httpx2.Response) -> bool:
    """Kept by nobody, framed by nobody, of the kind that it says, and sends nobody elsewhere."""
    headers, away = answer.headers, answer.headers.get("location", "/")
    policy = "default-src 'none'; frame-ancestors 'none'" if door.is_rest else CSP
    kept = STATIC_CACHE if door.path.startswith("/static/") else "no-store"
    ours = (away.startswith("/") and not away.startswith(("//", "/\\"))) or door.path == "/logga-in"
    return bool(
        ours
        and headers["content-security-policy"] == policy
        and headers["cache-control"] == kept
        and headers["x-content-type-options"] == "nosniff"
        and "server" not in headers
        and "access-control-allow-origin" not in headers
    )


@pytest.mark.parametrize("door", OPEN, ids=str)
def test_what_is_open_is_open_to_anybody(door: Door, visitor: Ask, known: dict[str, str]) -> None:
    expected = 403 if door.path == "/logga-in/svar" else None  # nobody has begun to sign in
    for who in (None, *(someone(role, "KLF") for role in Role)):
        answer = visitor(who).open(door, known)
        assert is_guarded(door, answer), (who, answer.headers)
        assert answer.status_code == expected if expected else answer.status_code < 400, who


@pytest.mark.parametrize("door", CLOSED, ids=str)
def test_each_role_is_answered_or_refused_as_the_table_says(door: Door, visitor: Ask, known: dict[str, str]) -> None:
    for role in Role:
        somebody = visitor(someone(role, door.at(role)))
        answer = somebody.open(door, known)
        assert is_guarded(door, answer), (role, answer.headers)
        if role not in door.roles:
            assert answer.status_code == REFUSED, role
            assert look(answer) == look(somebody.open(door, nothing(known))), role
        elif role in door.unseen:
            assert answer.status_code == ABSENT, role
        else:
            assert is_answered(answer), (role, answer.status_code, answer.text)


@pytest.mark.parametrize("door", CLOSED, ids=str)
def test_nobody_is_asked_to_sign_in_whatever_there_is(door: Door, visitor: Ask, known: dict[str, str]) -> None:
    there, absent = (visitor(None).open(door, each) for each in (known, nothing(known)))

    assert there.status_code == SIGNED_OUT
    assert is_guarded(door, there)
    assert look(there) == look(absent)


@pytest.mark.parametrize("door", [door for door in NAMING if not door.kommun], ids=str)
def test_what_is_another_units_looks_as_what_is_not_there(door: Door, visitor: Ask, known: dict[str, str]) -> None:
    for role in door.roles:
        stranger = visitor(someone(role, elsewhere(door, role)))
        theirs, absent = (stranger.open(door, each) for each in (known, nothing(known)))
        assert theirs.status_code == (REFUSED if door.alone else ABSENT), (role, theirs.text)
        assert look(theirs) == look(absent), role


@pytest.mark.parametrize("door", NAMING, ids=str)
def test_what_is_not_there_is_not_there_at_home_either(door: Door, visitor: Ask, known: dict[str, str]) -> None:
    for role in door.roles:
        answer = visitor(someone(role, door.at(role))).open(door, nothing(known))
        assert answer.status_code == ABSENT, (role, answer.text)


@pytest.mark.parametrize("door", [door for door in CLOSED if door.blind], ids=str)
def test_what_is_answered_blindly_says_nothing_of_what_there_is(door: Door, visitor: Ask, known: dict[str, str]) -> None:
    for role in door.roles:
        for unit in (door.at(role), elsewhere(door, role)):
            somebody = visitor(someone(role, unit))
            assert look(somebody.open(door, known)) == look(somebody.open(door, nothing(known))), (role, unit)


@pytest.mark.parametrize("door", [door for door in NAMING if door.path.count("_id}") > 1], ids=str)
def test_what_belongs_to_something_else_is_not_there(door: Door, visitor: Ask, known: dict[str, str]) -> None:
    somebody = visitor(someone(min(door.roles), door.unit))
    for name in door.in_address & door.records:
        answer = somebody.open(door, known | {name: str(uuid4())})
        assert answer.status_code in {ABSENT, 409}, (name, answer.text)  # 409: the operation is one's own, and has changed
