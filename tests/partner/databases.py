"""A partner's own database of each kind, so that a test runs with both."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from infra.ports import HOST
from infra.postgres import Postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A new and empty database; in PostgreSQL one of the partner's own, with a role that may nothing else."""
    if request.param == "sqlite":
        yield str(tmp_path / "inbox.db")
        return
    server = request.getfixturevalue("postgres")
    assert isinstance(server, Postgres)
    name = f"partner_{uuid4().hex}"
    with psycopg.connect(server.url(database="postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'eget'").format(sql.Identifier(name)))
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(name)))
        yield f"postgresql://{name}:eget@{HOST}:{server.port}/{name}"
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))
