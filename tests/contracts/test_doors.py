"""The table of who may open what has a row for every address of the gateway, and no other."""

from pathlib import Path

from services.gateway.app import GatewayConfig, build
from services.kernel.clock import Clock
from tests.gateway.doors import routes, table

NOWHERE = Path("nowhere")


def test_every_address_says_whom_it_answers_and_no_other_is_in_the_table() -> None:
    document = {
        "environment": "local",
        "database_url": "postgresql://nobody@localhost/nothing",
        "database_password_file": NOWHERE,
        "listen": "localhost:1",
        "public_url": "http://localhost:1",
        "tls": dict.fromkeys(("ca_file", "certificate_file", "key_file"), NOWHERE),
        "peers": {},
        "assertion_key_file": NOWHERE,
        "provider": {"issuer": "http://localhost:2", "client_id": "x", "client_secret_file": NOWHERE},
        "api": {"issuer": "http://localhost:2", "audience": "x"},
    }
    app = build(GatewayConfig.model_validate(document), None, None, Clock())  # type: ignore[arg-type]  # nothing is asked

    assert {str(door) for door in table()} == routes(app)


def test_every_row_says_to_whom_and_only_one_thing() -> None:
    for door in table():
        assert door.is_open != bool(door.roles), str(door)
        assert door.unseen <= door.roles, str(door)
