"""What somebody had written when their session ended: kept for a quarter of an hour, for the same person in the same browser.

It is sealed with a key that only the browser has (its session's secret), so the table says nothing to who reads it, and nobody else can
have it shown. A form is shown again, never sent again by itself.
"""

import hmac
import json
import os
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.gateway import store
from services.gateway.forms import AGAIN
from services.kernel.db import Transaction
from services.kernel.vault import NONCE_BYTES

OF_THE_SESSION = frozenset({"csrf", AGAIN})
"""What is the old session's own, and not what was written."""


class KeptForm(NamedTuple):
    """A form that was sent too late: where to, and what it held."""

    path: str
    values: Mapping[str, list[str]]


def keep(tx: Transaction, token: str, person: str, form: KeptForm, now: datetime) -> None:
    """Keep a form for the browser that has this token."""
    written = {name: values for name, values in form.values.items() if name not in OF_THE_SESSION}
    nonce = os.urandom(NONCE_BYTES)
    content = nonce + _key(token).encrypt(nonce, json.dumps(written).encode(), form.path.encode())
    store.keep_form(tx, token, form.path, person, content, now)


def kept(tx: Transaction, token: str, person: str, now: datetime) -> list[KeptForm]:
    """What is kept for this person in the browser that has this token, the oldest first."""
    found = []
    for row in store.kept_forms(tx, token, person, now):
        try:
            content = _key(token).decrypt(row.content[:NONCE_BYTES], row.content[NONCE_BYTES:], row.path.encode())
        except InvalidTag:
            continue  # altered or moved: nothing that this browser wrote
        found.append(KeptForm(row.path, json.loads(content)))
    return found


def carry_over(tx: Transaction, old: str, new: str, person: str, now: datetime) -> bool:
    """What was kept for the browser's old session becomes the new one's when it is the same person's, and is forgotten when it is not."""
    mine = kept(tx, old, person, now)
    store.forget_forms(tx, old)
    for form in mine:
        keep(tx, new, person, form, now)
    return bool(mine)


def _key(token: str) -> AESGCM:
    return AESGCM(hmac.digest(token.encode(), b"los kept form", "sha256"))
