"""What the gateway keeps: who may sign in and as what, sign-ins under way, sessions. Nothing of any record."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Boolean, Column, Index, LargeBinary, MetaData, Table, Text, and_, select

from services.kernel.db import Row, Transaction
from services.kernel.records import INSTANT, audit_table

IDLE_MAX = timedelta(minutes=15)
"""After so long without a request a session has ended (ecosystem 4)."""
SESSION_MAX = timedelta(hours=8)
"""A session ends after so long, whatever happens in it (ecosystem 4)."""
SIGN_IN_MAX = timedelta(minutes=10)
"""How long somebody may be at the provider."""

metadata = MetaData()
audit = audit_table(metadata)
# The kommun's own table of who is what: the provider says who somebody is, never what they may do.
account = Table(
    "account",
    metadata,
    Column("person", Text, primary_key=True),
    Column("affiliation", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("organisation", Text),
    Column("active", Boolean, nullable=False),
)
sign_in = Table(
    "sign_in",
    metadata,
    Column("browser", LargeBinary, primary_key=True),
    Column("state", LargeBinary, nullable=False),
    Column("nonce", Text, nullable=False),
    Column("verifier", Text, nullable=False),
    Column("next_path", Text, nullable=False),
    Column("started_time", INSTANT, nullable=False),
)
session = Table(
    "session",
    metadata,
    Column("token", LargeBinary, primary_key=True),
    Column("person", Text, nullable=False),
    Column("csrf", Text, nullable=False),
    Column("created_time", INSTANT, nullable=False),
    Column("seen_time", INSTANT, nullable=False),
    Index("session_person", "person"),
)


def hashed(secret: str) -> bytes:
    """How a secret of a browser's is stored: who reads the table cannot take a session over."""
    return hashlib.sha256(secret.encode()).digest()


def begin(tx: Transaction, browser: str, state: str, now: datetime, **columns: object) -> None:
    """A browser has gone to the provider; those that never came back are forgotten."""
    tx.write(sign_in.delete().where(sign_in.c.started_time < now - SIGN_IN_MAX))
    tx.insert(sign_in, browser=hashed(browser), state=hashed(state), started_time=now, **columns)


def finish(tx: Transaction, browser: str, state: str, now: datetime) -> Row | None:
    """The sign-in that this browser began with this state, once; None when there is none or it is too old."""
    c = sign_in.c
    mine = and_(c.browser == hashed(browser), c.state == hashed(state))
    found = tx.one(select(sign_in).where(mine, c.started_time >= now - SIGN_IN_MAX))
    tx.write(sign_in.delete().where(c.browser == hashed(browser)))
    return found


def account_of(tx: Transaction, affiliation: str) -> Row | None:
    """The active account of somebody whom the provider has named."""
    return tx.one(select(account).where(account.c.affiliation == affiliation, account.c.active))


def colleagues(tx: Transaction, unit: str, roles: Iterable[str]) -> Sequence[Row]:
    """The active accounts of a unit in these roles, by name."""
    c = account.c
    return tx.read(select(c.person, c.name).where(c.unit == unit, c.role.in_(list(roles)), c.active).order_by(c.name))


def open_session(tx: Transaction, token: str, csrf: str, person: str, now: datetime) -> None:
    """Begin a session. Sessions that have ended are forgotten."""
    tx.write(session.delete().where((session.c.seen_time < now - IDLE_MAX) | (session.c.created_time < now - SESSION_MAX)))
    tx.insert(session, token=hashed(token), person=person, csrf=csrf, created_time=now, seen_time=now)


def live_session(tx: Transaction, token: str, now: datetime) -> Row | None:
    """The session of a token with its account as it is now, and note that it was seen; None when it has ended."""
    c = session.c
    alive = (c.token == hashed(token), c.seen_time >= now - IDLE_MAX, c.created_time >= now - SESSION_MAX, account.c.active)
    found = tx.one(select(account, c.csrf).select_from(session.join(account, c.person == account.c.person)).where(*alive))
    if found is not None:
        tx.write(session.update().where(c.token == hashed(token)).values(seen_time=now))
    return found


def close_session(tx: Transaction, token: str) -> None:
    """End a session."""
    tx.write(session.delete().where(session.c.token == hashed(token)))
