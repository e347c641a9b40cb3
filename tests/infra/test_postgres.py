import psycopg
import pytest
from psycopg import sql

from infra.database import SERVICES
from infra.postgres import Postgres


def connect(url: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(url, autocommit=True)


def test_the_server_is_postgresql_18_and_writes_to_disk_before_it_answers(postgres: Postgres) -> None:
    with connect(postgres.url()) as admin:
        row = admin.execute("SELECT current_setting('server_version_num')::int / 10000, current_setting('fsync')").fetchone()
    assert row == (18, "on")


@pytest.mark.parametrize("role", ["los_admin", "registry"])
@pytest.mark.parametrize("password", ["wrong", ""])
def test_nobody_comes_in_without_the_right_password(postgres: Postgres, role: str, password: str) -> None:
    with pytest.raises(psycopg.OperationalError, match=r"password authentication failed|no password supplied"):
        psycopg.connect(host="127.0.0.1", port=postgres.port, user=role, dbname="los", password=password)


def test_passwords_are_kept_as_scram_and_never_in_clear(postgres: Postgres) -> None:
    with connect(postgres.url()) as admin:
        rows = admin.execute("SELECT rolpassword FROM pg_authid WHERE rolcanlogin").fetchall()
    assert len(rows) == len(SERVICES) + 1
    assert all(str(row[0]).startswith("SCRAM-SHA-256$") for row in rows)


@pytest.mark.parametrize("role", SERVICES)
def test_a_service_enters_its_own_schema_and_no_other(postgres: Postgres, database: str, role: str) -> None:
    with connect(postgres.url(database=database)) as admin:
        for service in SERVICES:
            admin.execute(sql.SQL("CREATE TABLE {} (x int)").format(sql.Identifier(service, "thing")))
            admin.execute(sql.SQL("GRANT ALL ON {} TO PUBLIC").format(sql.Identifier(service, "thing")))
    with connect(postgres.url(role, database)) as own:
        for service in SERVICES:
            query = sql.SQL("INSERT INTO {} VALUES (1)").format(sql.Identifier(service, "thing"))
            if service == role:
                own.execute(query)
            else:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    own.execute(query)


def test_a_service_makes_no_tables_of_its_own(postgres: Postgres, database: str) -> None:
    with connect(postgres.url("registry", database)) as own:
        for place in ("registry", "public"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                own.execute(sql.SQL("CREATE TABLE {} (x int)").format(sql.Identifier(place, "mine")))


def test_a_database_of_one_test_is_empty_for_the_next(postgres: Postgres, database: str) -> None:
    assert database != "los"
    with connect(postgres.url(database=database)) as admin:
        names = {row[0] for row in admin.execute("SELECT schema_name FROM information_schema.schemata").fetchall()}
        left = admin.execute("SELECT 1 FROM pg_tables WHERE tablename = 'thing'").fetchall()
    assert set(SERVICES) <= names
    assert left == []


def test_what_a_failing_statement_held_is_not_in_the_log(postgres: Postgres, database: str) -> None:
    with connect(postgres.url(database=database)) as admin:
        admin.execute("CREATE TABLE registry.thing (x text UNIQUE CHECK (x <> 'canary-2'))")
        admin.execute("INSERT INTO registry.thing VALUES ('canary-1')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            admin.execute("INSERT INTO registry.thing VALUES (%s)", ["canary-1"])
        with pytest.raises(psycopg.errors.CheckViolation):
            admin.execute("INSERT INTO registry.thing VALUES ('canary-2')")
    log = postgres.folder.log("postgres").read_text()
    assert "violates check constraint" in log
    assert "canary" not in log
