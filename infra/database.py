"""Login roles and schemas: one of each per service, and no service may enter another's.

A role with no login owns every schema. The rights on each table come with the migration that makes it.
"""

from pathlib import Path

import psycopg
from psycopg import sql

from infra.postgres import DATABASE, SUPERUSER, Postgres
from services.kernel import db
from services.kernel.db import OWNER

_SERVICES_FOLDER = Path(db.__file__).parents[1]
SERVICES = ("registry", "controls", "sharing", "gateway")
"""Services with a schema and a login role of the same name."""


def arrange(postgres: Postgres) -> None:
    """Make the database, roles, passwords and schemas what they should be. May be run again and again."""
    with psycopg.connect(postgres.url(database="postgres"), autocommit=True) as connection:
        for role in (OWNER, *SERVICES):
            if not _exists(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", role):
                connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
        for role in SERVICES:
            # The server gets the verifier, not the password: a failed statement could be logged.
            verifier = connection.pgconn.encrypt_password(
                postgres.folder.password(f"postgres-{role}").encode(), role.encode(), b"scram-sha-256"
            )
            connection.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier.decode())))
        if not _exists(connection, "SELECT 1 FROM pg_database WHERE datname = %s", DATABASE):
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(SUPERUSER)))
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(DATABASE)))
        for role in (OWNER, *SERVICES):
            connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(DATABASE), sql.Identifier(role)))
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        for service in SERVICES:
            schema = sql.Identifier(service)
            connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {} AUTHORIZATION {}").format(schema, sql.Identifier(OWNER)))
            connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, schema))


def migrate(postgres: Postgres) -> None:
    """Bring the tables of every service to their newest form."""
    for service in SERVICES:
        if (_SERVICES_FOLDER / service / "migrations" / "env.py").is_file():
            db.migrate(postgres.url(), service)


def _exists(connection: psycopg.Connection[tuple[object, ...]], query: str, name: str) -> bool:
    return connection.execute(query, [name]).fetchone() is not None
