"""Alembic's way in."""

from services.kernel.db import run_migrations

run_migrations()
