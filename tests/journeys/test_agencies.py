"""`los partner add`, `rotate` and `disable` on a running stack: what the agency may do, and what its keys open, before and after."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from joserfc.jwk import ECKey
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError
from typer.testing import CliRunner

from cli.partner import app
from infra import rights, secrets, stack, topics
from partner import broker
from partner.broker import BrokerProblem
from partner.kit import Kit, load
from services.sharing.sealing import KeysOnFile

KIND, AGENCY = "kronofogden", "kronofogden"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stack.Stack]:
    with stack.start(tmp_path_factory.mktemp("agencies") / "data", lambda _: None) as found:
        yield found


@pytest.fixture(autouse=True)
def as_before(running: stack.Stack) -> Iterator[None]:
    """Each test leaves the agency as the next one expects it."""
    yield
    ran(running, "add", AGENCY)


def ran(running: stack.Stack, act: str, *words: str, code: int = 0) -> dict[str, Any]:
    result = CliRunner().invoke(app, [act, *words, "--data", str(running.folder.root), "--json"])
    assert result.exit_code == code, result.output
    return dict(json.loads(result.stdout)) if code == 0 else {"text": result.output}


def texts(answer: dict[str, Any]) -> str:
    return "\n".join(change["text"] for change in answer["changes"])


def kit(running: stack.Stack) -> Kit:
    return load(running.folder.partners / AGENCY)


def eventually(done: Callable[[], bool]) -> None:
    waited = threading.Event()
    for _ in range(100):
        if done():
            return
        waited.wait(0.2)
    raise AssertionError("it did not become so in time")


def may_read(running: stack.Stack) -> bool:
    try:
        broker.consumer(kit(running), f"tried.{uuid4()}").close()
    except BrokerProblem:
        return False
    return True


def test_what_agrees_is_left_alone(running: stack.Stack) -> None:
    assert ran(running, "add", AGENCY)["changes"] == []
    assert ran(running, "add", AGENCY, "--dry-run")["changes"] == []


def test_an_agency_that_is_shut_out_can_do_nothing_until_it_is_added_again(running: stack.Stack) -> None:
    assert may_read(running)
    planned = ran(running, "disable", AGENCY, "--dry-run")
    assert may_read(running)
    done = ran(running, "disable", AGENCY)
    assert planned["changes"] == done["changes"]
    assert "kronofogden" in texts(done)
    eventually(lambda: not may_read(running))
    assert ran(running, "disable", AGENCY)["changes"] == []

    again = ran(running, "add", AGENCY)

    assert again["changes"]
    eventually(lambda: may_read(running))
    assert "partner.toml" in again["hand_over"]
    assert "private.jwks" not in again["hand_over"]


def test_a_connection_that_was_open_when_an_agency_was_shut_out_gets_nothing_more(running: stack.Stack) -> None:
    producer = broker.producer(kit(running))
    producer.send(kit(running).reply_topic, b"x", partition=0).get(20)

    ran(running, "disable", AGENCY)

    def refused() -> bool:
        try:
            producer.send(kit(running).reply_topic, b"x", partition=0).get(20)
        except KafkaError:
            return True
        return False

    eventually(refused)
    producer.close(timeout=0)


def test_the_next_start_does_not_bring_back_what_was_shut_out(running: stack.Stack) -> None:
    ran(running, "disable", AGENCY)
    with KafkaAdminClient(**running.kafka.client(topics.ADMIN)) as admin:
        rights.arrange(admin, lambda user: running.folder.password(f"kafka-{user}"), running.folder.disabled())
        present = rights.State.present(admin).of(AGENCY)
    assert present.lacks(rights.State.wanted(frozenset({AGENCY})).of(AGENCY)) == []
    assert present.lacks(rights.State.wanted(frozenset()).of(AGENCY)) != []
    assert not may_read(running)


def test_a_new_password_takes_the_old_ones_place(running: stack.Stack) -> None:
    old = kit(running)
    ran(running, "rotate", AGENCY, "--password")

    assert kit(running).broker.password != old.broker.password
    assert may_read(running)
    with pytest.raises(BrokerProblem):
        broker.topics(old)


def sealing(running: stack.Stack) -> KeysOnFile:
    folder = running.folder
    return KeysOnFile(secrets.signing_file(folder), secrets.encryption_file(folder), secrets.receivers_file(folder))


def test_new_keys_are_sealed_to_at_once_and_the_old_ones_still_open(running: stack.Stack) -> None:
    before = sealing(running)().receiver_key(KIND, datetime.now(UTC)).kid
    planned = ran(running, "rotate", AGENCY, "--keys", "--dry-run")
    assert sealing(running)().receiver_key(KIND, datetime.now(UTC)).kid == before
    done = ran(running, "rotate", AGENCY, "--keys")
    after = sealing(running)().receiver_key(KIND, datetime.now(UTC)).kid

    assert [change["what"] for change in planned["changes"]] == [change["what"] for change in done["changes"]]
    assert after != before
    assert {before, after} <= set(kit(running).keys.private)
    assert before in texts(done)


def test_a_revoked_key_is_of_no_use_at_once_and_the_kommun_is_warned_when_none_is_left(running: stack.Stack) -> None:
    keys = sealing(running)
    answer: dict[str, Any] = {}
    for key in keys().receivers[KIND].keys:
        answer = ran(running, "rotate", AGENCY, "--revoke", key.kid)
    assert answer["without_key"] == [KIND]

    assert ran(running, "rotate", AGENCY, "--keys")["without_key"] == []


def test_the_kommuns_own_new_keys_are_handed_out_before_they_are_used(running: stack.Stack) -> None:
    before = sealing(running)().signer(datetime.now(UTC)).kid
    ran(running, "rotate", AGENCY, "--kommun-keys")

    assert sealing(running)().signer(datetime.now(UTC)).kid == before
    for agency in ("kronofogden", "skatteverket"):
        assert len(load(running.folder.partners / agency).keys.kommun_signing) == 2


def test_an_agencys_own_public_keys_are_taken_in_and_only_good_ones(running: stack.Stack, tmp_path: Path) -> None:
    def keys(kid: str = f"{KIND}-2031-1", *, private: bool = False, curve: str = "P-256") -> Path:
        found = dict(ECKey.generate_key("P-256", {"kid": kid}).as_dict(private=private)) | {"crv": curve}
        (tmp_path / "keys.jwks").write_text(json.dumps({"keys": [found]}))
        return tmp_path / "keys.jwks"

    for bad in (keys(private=True), keys(kid="polismyndigheten-2031-1"), keys(kid="x"), keys(curve="P-384")):
        assert "nyckel" in ran(running, "rotate", AGENCY, "--public-keys", str(bad), code=1)["text"].lower()
    ran(running, "rotate", AGENCY, "--public-keys", str(keys()))

    assert sealing(running)().receiver_key(KIND, datetime.now(UTC)).kid == f"{KIND}-2031-1"


@pytest.mark.parametrize("words", [["add", "okand"], ["rotate", AGENCY], ["disable"]])
def test_wrong_use_is_said_so(running: stack.Stack, words: list[str]) -> None:
    ran(running, words[0], *words[1:], code=2)


def test_without_a_stack_the_command_says_how_to_start_one(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["add", AGENCY, "--data", str(tmp_path)])
    assert result.exit_code == 3
    assert "los up" in result.output
