"""What the gateway keeps: who may sign in and as what, sign-ins under way, sessions; and sealed, what was written when one had ended.

Of any record it keeps nothing else.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Boolean, Column, Index, LargeBinary, MetaData, Table, Text, and_, select, text

from services.kernel.db import Row, Transaction
from services.kernel.records import INSTANT, audit_table

IDLE_MAX = timedelta(minutes=15)
"""After so long without a request a session has ended (ecosystem 4)."""
SESSION_MAX = timedelta(hours=8)
"""A session ends after so long, whatever happens in it (ecosystem 4)."""
SESSION_KEPT = timedelta(days=1)
"""A session that has ended is known so long, so that a form which comes after its end is still its person's."""
FORM_KEPT = timedelta(minutes=15)
"""How long what was written in such a form is kept."""
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
    Column("is_system", Boolean, nullable=False, server_default=text("false")),
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
    Column("ended", Boolean, nullable=False, server_default=text("false")),
    Index("session_person", "person"),
)
kept_form = Table(
    "kept_form",
    metadata,
    Column("session", LargeBinary, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("person", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("kept_time", INSTANT, nullable=False),
    Index("kept_form_kept_time", "kept_time"),
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
    """The people of a unit with active accounts in these roles, by name."""
    c = account.c
    mine = (c.unit == unit, c.role.in_(list(roles)), c.active, ~c.is_system)
    return tx.read(select(c.person, c.name).where(*mine).order_by(c.name))


def names(tx: Transaction, persons: Iterable[str]) -> Sequence[Row]:
    """What the accounts of these user names are called; also of those who have left."""
    c = account.c
    return tx.read(select(c.person, c.name).where(c.person.in_(list(persons))))


def open_session(tx: Transaction, token: str, csrf: str, person: str, now: datetime) -> None:
    """Begin a session. Sessions that ended long ago are forgotten, and forms that were kept too long."""
    tx.write(session.delete().where(session.c.created_time < now - SESSION_KEPT))
    tx.write(kept_form.delete().where(kept_form.c.kept_time < now - FORM_KEPT))
    tx.insert(session, token=hashed(token), person=person, csrf=csrf, created_time=now, seen_time=now)


def live_session(tx: Transaction, token: str, now: datetime) -> Row | None:
    """The session of a token with its account as it is now, and note that it was seen; None when it has ended."""
    c = session.c
    alive = (c.token == hashed(token), c.seen_time >= now - IDLE_MAX, c.created_time >= now - SESSION_MAX, ~c.ended, account.c.active)
    found = tx.one(select(account, c.csrf).select_from(session.join(account, c.person == account.c.person)).where(*alive))
    if found is not None:
        tx.write(session.update().where(c.token == hashed(token)).values(seen_time=now))
    return found


def end_session(tx: Transaction, token: str) -> None:
    """Another has taken its place in the browser; its forms are still its person's."""
    tx.write(session.update().where(session.c.token == hashed(token)).values(ended=True))


def close_session(tx: Transaction, token: str) -> None:
    """Its person has signed out: nothing of it is kept."""
    tx.write(session.delete().where(session.c.token == hashed(token)))
    tx.write(kept_form.delete().where(kept_form.c.session == hashed(token)))


def session_of_form(tx: Transaction, csrf: str) -> Row | None:
    """The session that a form was made for, ended or not."""
    c = session.c
    return tx.one(select(c.token, c.person).where(c.csrf == csrf))


def keep_form(tx: Transaction, token: str, path: str, person: str, content: bytes, now: datetime) -> None:
    """Keep a sealed form for a session, the latest of each page; those that are too old are forgotten."""
    c = kept_form.c
    tx.write(kept_form.delete().where((c.kept_time < now - FORM_KEPT) | and_(c.session == hashed(token), c.path == path)))
    tx.insert(kept_form, session=hashed(token), path=path, person=person, content=content, kept_time=now)


def kept_forms(tx: Transaction, token: str, person: str, now: datetime) -> Sequence[Row]:
    """This person's forms of a session, that are not too old."""
    c = kept_form.c
    mine = (c.session == hashed(token), c.person == person, c.kept_time >= now - FORM_KEPT)
    return tx.read(select(kept_form).where(*mine).order_by(c.kept_time))


def forget_forms(tx: Transaction, token: str) -> None:
    """Whatever is kept for a session."""
    tx.write(kept_form.delete().where(kept_form.c.session == hashed(token)))
