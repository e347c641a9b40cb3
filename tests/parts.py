"""The real PostgreSQL and Kafka for tests, started when first asked for and shared by all tests of the process.

The root conftest offers them to every test, so that each process starts one of each at the most.
"""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from infra import stack
from infra.kafka import Kafka
from infra.postgres import DATABASE, Postgres


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A server with roles, schemas and tables. Write in a `database` of the test's own."""
    with stack.parts(tmp_path_factory.mktemp("postgres"), kafka=False) as running:
        yield running.postgres


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A broker with users, topics and rights. Topics are shared: tell records apart by their keys, groups by a name of their own."""
    with stack.parts(tmp_path_factory.mktemp("kafka"), postgres=False) as running:
        yield running.kafka


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """The name of a database of the test's own, with all tables and no rows: `postgres.url("registry", database)`."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(postgres.url(database="postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(DATABASE)))
        yield name
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
