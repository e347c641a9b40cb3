"""`los bench pages`, on the stack that is there, with a handful of records."""

from bench.pages import NOT_HERE, PAGES, measured
from infra import stack
from tests.gateway.doors import table

# The same address with another record of it: one that is still a draft, or that somebody is invited to.
ALSO = {"planned_id": "operation_id", "invited_id": "operation_id"}
SIZE_KB_MAX = 200


def plain(path: str) -> str:
    for word, known in ALSO.items():
        path = path.replace(word, known)
    return path


def test_every_page_is_measured_or_is_left_out_for_a_reason() -> None:
    pages = {door.path for door in table() if door.method == "GET" and not door.is_rest}
    here = {plain(path) for _, path, _ in PAGES}

    assert here | NOT_HERE == pages
    assert not here & NOT_HERE


def test_each_page_is_measured_beside_the_bare_one(running: stack.Stack, known: dict[str, str]) -> None:
    assert known["disclosure_id"]  # what has been told is told again
    found = measured(running, 10, calls=1)

    assert len(found) == len(PAGES)
    assert all(one.p95_ms > 0 and one.bare_ms > 0 for one in found)
    assert max(one.size_kb for one in found) <= SIZE_KB_MAX
