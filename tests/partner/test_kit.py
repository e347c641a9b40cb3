import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from partner.kit import KitError, load
from tests.partner.builders import NOW, a_folder, a_key, a_world


def changed(folder: Path, name: str, change: Callable[[str], str]) -> Path:
    file = folder / name
    file.write_text(change(file.read_text(encoding="utf-8")), encoding="utf-8")
    return folder


def with_keys(name: str, *keys: Any) -> Callable[[Path], Path]:  # noqa: ANN401 - JSON Web Keys
    return lambda folder: changed(folder, name, lambda _: json.dumps({"keys": keys}))


def test_a_folder_gives_what_the_partner_needs(tmp_path: Path) -> None:
    kit = load(a_folder(tmp_path / "kit"))

    assert kit.agency == "skatteverket"
    assert kit.broker.password == "hemligt"
    assert Path(kit.broker.ca_file) == tmp_path / "kit" / "ca.crt"
    assert sorted(kit.keys.receiver_kind.values()) == ["skatteverket-beskattning", "skatteverket-folkbokforing"]
    assert kit.keys.of_kind("skatteverket-beskattning", NOW).kid == "skatteverket-beskattning-2026-1"
    assert list(kit.keys.kommun_signing) == ["0580-sig-2026-1"]
    assert kit.source == "urn:los:agency:skatteverket"


def test_the_password_and_the_keys_are_not_shown_in_a_traceback_of_the_kit(tmp_path: Path) -> None:
    kit = load(a_folder(tmp_path / "kit"))
    secret = str(a_world().private["skatteverket-beskattning"].as_dict(private=True)["d"])

    assert "hemligt" not in repr(kit)
    assert secret not in repr(kit)


@pytest.mark.parametrize("name", ["partner.toml", "password", "ca.crt", "private.jwks", "kommun.jwks"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    folder = a_folder(tmp_path / "kit")
    (folder / name).unlink()

    with pytest.raises(KitError, match=f"^{name}: filen saknas"):
        load(folder)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: changed(folder, "partner.toml", lambda text: text + "["), "går inte att läsa som TOML"),
        (lambda folder: changed(folder, "partner.toml", lambda text: "x = 1\n" + text), "okända uppgifter: x"),
        (lambda folder: changed(folder, "partner.toml", lambda text: text.replace('"skatteverket"', "5", 1)), "agency ska vara text"),
        (lambda folder: changed(folder, "partner.toml", lambda text: text.replace("= [", "= [5, ")), "receiver_kinds ska vara text"),
        (lambda folder: changed(folder, "partner.toml", lambda text: text.replace('"password"', "true")), "password_file ska vara text"),
        (lambda folder: (folder / "password").write_bytes(b"\xff") and folder, "password: filen är inte text i UTF-8"),
        (lambda folder: changed(folder, "partner.toml", lambda text: text.replace("SASL_SSL", "PLAINTEXT")), "bara SASL_SSL"),
        (lambda folder: changed(folder, "partner.toml", lambda text: text.replace("SCRAM-SHA-512", "PLAIN")), "bara SASL_SSL"),
        (lambda folder: changed(folder, "partner.toml", lambda text: text.replace("127.0.0.1:1", "127.0.0.1")), "ska vara värd:port"),
        (lambda folder: changed(folder, "private.jwks", lambda _: "[]"), "inte en nyckelsamling"),
        (lambda folder: changed(folder, "private.jwks", lambda _: '{"keys": 5}'), "inte en nyckelsamling"),
        (with_keys("kommun.jwks", "nyckel"), "inte en nyckelsamling"),
        (with_keys("private.jwks"), "för varje mottagarslag"),
        (with_keys("private.jwks", a_key("kronofogden-2026-1").as_dict(private=True)), "för varje mottagarslag"),
        (with_keys("private.jwks", a_key("skatteverket-2026-1").as_dict(private=False)), "av fel slag"),
        (with_keys("private.jwks", {"kty": "EC", "kid": "x", "crv": "P-256"}), "trasig"),
        (with_keys("kommun.jwks"), "för signatur eller för kryptering saknas"),
        (with_keys("kommun.jwks", a_key("0580-sig-2026-1", use="sig").as_dict(private=True)), "av fel slag"),
    ],
)
def test_a_folder_that_is_wrong_is_refused_in_plain_words(tmp_path: Path, spoil: Callable[[Path], Path], message: str) -> None:
    with pytest.raises(KitError, match=message):
        load(spoil(a_folder(tmp_path / "kit")))
