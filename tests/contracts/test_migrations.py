from importlib import import_module
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import MetaData, create_engine, text
from sqlalchemy.engine import make_url

from infra.postgres import Postgres
from services.kernel import db

SERVICES = ("registry", "controls", "sharing")


@pytest.mark.parametrize("service", SERVICES)
def test_the_migrations_make_the_tables_that_the_store_says(service: str, postgres: Postgres, database: str) -> None:
    metadata: MetaData = import_module(f"services.{service}.store").metadata
    engine = create_engine(make_url(postgres.url(database=database)).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        connection.execute(text(f"SET search_path = {service}"))
        connection.dialect.default_schema_name = service
        differences = compare_metadata(MigrationContext.configure(connection, opts={"compare_server_default": True}), metadata)
    engine.dispose()
    unexpected = [one for one in differences if not _is_alembics_own(one)]
    assert unexpected == []


def _is_alembics_own(difference: object) -> bool:
    return isinstance(difference, tuple) and difference[0] == "remove_table" and difference[1].name == "alembic_version"


@pytest.mark.parametrize("service", SERVICES)
def test_the_migrations_of_a_service_have_one_head(service: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(db.__file__).parents[1] / service / "migrations"))
    assert len(ScriptDirectory.from_config(config).get_heads()) == 1


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_may_add_to_its_audit_and_never_change_it(service: str, postgres: Postgres, database: str) -> None:
    with psycopg.connect(postgres.url(service, database)) as connection:
        rights = connection.execute(
            "SELECT privilege_type FROM information_schema.role_table_grants WHERE grantee = %s AND table_name = 'audit'", [service]
        ).fetchall()
    assert {right for (right,) in rights} == {"SELECT", "INSERT"}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_reads_no_other_services_tables(service: str, postgres: Postgres, database: str) -> None:
    for other in set(SERVICES) - {service}:
        with psycopg.connect(postgres.url(service, database)) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(sql.SQL("SELECT 1 FROM {}.audit").format(sql.Identifier(other)))
