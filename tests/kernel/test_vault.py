import os
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.vault import KEY_BYTES, Vault, VaultError

KEY, INDEX_KEY = b"k" * KEY_BYTES, b"i" * KEY_BYTES


def a_vault(service: str = "registry") -> Vault:
    return Vault(service, KEY, INDEX_KEY)


@given(st.binary(max_size=200))
def test_what_is_sealed_opens_again_with_the_stored_key(content: bytes) -> None:
    record_id = uuid4()
    key = a_vault().new_key(record_id)
    sealed = key.seal("alert", "content", content)
    assert a_vault().open_key(record_id, key.wrapped).open("alert", "content", sealed) == content


def test_the_same_content_never_looks_the_same() -> None:
    key = a_vault().new_key(uuid4())
    assert key.seal("alert", "content", b"x") != key.seal("alert", "content", b"x")


@pytest.mark.parametrize(("table", "column"), [("payment", "content"), ("alert", "note")])
def test_a_value_moved_to_another_place_does_not_open(table: str, column: str) -> None:
    key = a_vault().new_key(uuid4())
    with pytest.raises(VaultError):
        key.open(table, column, key.seal("alert", "content", b"x"))


def test_a_key_moved_to_another_record_or_service_does_not_open() -> None:
    record_id = uuid4()
    wrapped = a_vault().new_key(record_id).wrapped
    with pytest.raises(VaultError):
        a_vault().open_key(uuid4(), wrapped)
    with pytest.raises(VaultError):
        a_vault("sharing").open_key(record_id, wrapped)


@pytest.mark.parametrize("length", [0, 5, 12, 27])
def test_a_value_that_was_cut_or_altered_does_not_open(length: int) -> None:
    key = a_vault().new_key(uuid4())
    sealed = key.seal("alert", "content", b"x")
    with pytest.raises(VaultError):
        key.open("alert", "content", sealed[:length])
    with pytest.raises(VaultError):
        key.open("alert", "content", sealed[:-1] + bytes([sealed[-1] ^ 1]))


def test_equal_values_of_a_kind_have_one_index_and_nothing_else_has_it() -> None:
    vault = a_vault()
    assert vault.index("person", "a") == a_vault().index("person", "a")
    others = {vault.index("person", "b"), vault.index("address", "a"), Vault("registry", KEY, b"j" * KEY_BYTES).index("person", "a")}
    assert vault.index("person", "a") not in others


def test_one_key_for_both_uses_is_refused() -> None:
    with pytest.raises(VaultError):
        Vault("registry", KEY, KEY)


def test_a_key_file_that_is_missing_or_of_another_length_is_refused_without_its_content(tmp_path: Path) -> None:
    good, short = tmp_path / "good", tmp_path / "short"
    good.write_bytes(os.urandom(KEY_BYTES))
    short.write_bytes(b"secret")
    for key_file in (short, tmp_path / "missing"):
        with pytest.raises(VaultError, match=key_file.name) as told:
            Vault.from_files("registry", key_file, good)
        assert "secret" not in str(told.value)
