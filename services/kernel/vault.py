"""Encryption at rest (design 13).

Each service has a key-encryption key and an index key, in files of its own. Each record has a data key of its own, wrapped by the
first; its cells are AES-256-GCM with service, table, column and id as associated data, so a ciphertext moved to another
place does not open. Deleting the wrapped data key is gallring: nothing of the record can be read again.
"""

import hmac
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12


class VaultError(Exception):
    """A key file is missing or wrong, or a ciphertext is not what it should be. Never holds content."""


def _key_from(path: Path) -> bytes:
    try:
        key = path.read_bytes()
    except OSError as error:
        raise VaultError(f"key file {path.name} cannot be read") from error
    if len(key) != KEY_BYTES:
        raise VaultError(f"key file {path.name} must hold {KEY_BYTES} bytes")
    return key


def _encrypt(key: AESGCM, plaintext: bytes, place: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + key.encrypt(nonce, plaintext, place)


def _decrypt(key: AESGCM, ciphertext: bytes, place: bytes) -> bytes:
    try:
        return key.decrypt(ciphertext[:NONCE_BYTES], ciphertext[NONCE_BYTES:], place)
    except (InvalidTag, ValueError):
        raise VaultError("a stored value does not open: wrong key, or altered or moved") from None


@dataclass(frozen=True, slots=True)
class RecordKey:
    """The data key of one record. `wrapped` is what is stored beside the record."""

    service: str
    record_id: UUID
    wrapped: bytes
    _key: AESGCM

    def _place(self, table: str, column: str) -> bytes:
        return f"{self.service}/{table}/{column}/{self.record_id}".encode()

    def seal(self, table: str, column: str, plaintext: bytes) -> bytes:
        """Encrypt one cell of this record."""
        return _encrypt(self._key, plaintext, self._place(table, column))

    def open(self, table: str, column: str, ciphertext: bytes) -> bytes:
        """Decrypt one cell of this record. Raises VaultError when it was altered or belongs elsewhere."""
        return _decrypt(self._key, ciphertext, self._place(table, column))


class Vault:
    """The keys of one service."""

    def __init__(self, service: str, key: bytes, index_key: bytes) -> None:
        """Take 32 bytes each; VaultError when they are the same key."""
        if hmac.compare_digest(key, index_key):
            raise VaultError("the index key must not be the key-encryption key")
        self._service = service
        self._key = AESGCM(key)
        self._index_key = index_key

    @classmethod
    def from_files(cls, service: str, key_file: Path, index_key_file: Path) -> Self:
        """Read both keys. Raises VaultError."""
        return cls(service, _key_from(key_file), _key_from(index_key_file))

    def _place(self, record_id: UUID) -> bytes:
        return f"{self._service}/data_key/{record_id}".encode()

    def new_key(self, record_id: UUID) -> RecordKey:
        """A fresh data key for a record."""
        data_key = os.urandom(KEY_BYTES)
        wrapped = _encrypt(self._key, data_key, self._place(record_id))
        return RecordKey(self._service, record_id, wrapped, AESGCM(data_key))

    def open_key(self, record_id: UUID, wrapped: bytes) -> RecordKey:
        """The data key of a stored record. Raises VaultError."""
        return RecordKey(self._service, record_id, wrapped, AESGCM(_decrypt(self._key, wrapped, self._place(record_id))))

    def index(self, kind: str, value: str) -> bytes:
        """A blind index: HMAC-SHA256 of a normalised value, so equal values are found without being readable."""
        return hmac.digest(self._index_key, f"{kind}\0{value}".encode(), "sha256")
