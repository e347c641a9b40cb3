import json
import stat
import tomllib
from pathlib import Path

import pytest

from infra import secrets, tls, topics
from infra.folder import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path / "data")
    tls.arrange(made)
    secrets.arrange(made)
    secrets.arrange_partners(made, "127.0.0.1:9093")
    return made


def everything(folder: Folder) -> dict[str, bytes]:
    return {str(path.relative_to(folder.root)): path.read_bytes() for path in folder.root.rglob("*") if path.is_file()}


def test_secrets_are_made_once_and_never_overwritten(folder: Folder) -> None:
    before = everything(folder)
    secrets.arrange(folder)
    secrets.arrange_partners(folder, "127.0.0.1:9093")
    assert everything(folder) == before


def test_every_password_and_key_is_its_own(folder: Folder) -> None:
    values = [path.read_bytes() for path in folder.secrets.iterdir()]
    assert len(set(values)) == len(values)
    assert {len(path.read_bytes()) for path in folder.secrets.glob("vault-*.key")} == {32}
    assert min(len(path.read_bytes()) for path in folder.secrets.glob("*.password")) >= 32


def test_only_the_owner_may_read_anything(folder: Folder) -> None:
    paths = [folder.root, *folder.root.rglob("*")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_dir()} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_file()} == {0o600}


def test_a_public_key_set_holds_no_private_key(folder: Folder) -> None:
    public = [secrets.callers_file(folder), secrets.receivers_file(folder), *folder.partners.glob("*/kommun.jwks")]
    assert len(public) == 6
    for path in public:
        for key in json.loads(path.read_text())["keys"]:
            assert "d" not in key, path
            assert (key["kty"], key["crv"]) == ("EC", "P-256")


def test_a_receiver_kind_has_a_key_of_its_own_that_only_its_agency_has_the_private_part_of(folder: Folder) -> None:
    public = {key["kid"].rsplit("-", 2)[0]: key["x"] for key in json.loads(secrets.receivers_file(folder).read_text())["keys"]}
    assert set(public) == {kind for agency in topics.AGENCIES for kind in agency.receiver_kinds}
    for agency in topics.AGENCIES:
        private = json.loads((folder.partners / agency.name / "private.jwks").read_text())["keys"]
        assert {key["kid"].rsplit("-", 2)[0]: key["x"] for key in private} == {kind: public[kind] for kind in agency.receiver_kinds}
        assert all(key["d"] for key in private)


def test_the_kommun_signs_with_one_key_and_opens_with_another(folder: Folder) -> None:
    keys = json.loads((folder.partners / "polisen" / "kommun.jwks").read_text())["keys"]
    assert [key["use"] for key in keys] == ["sig", "enc"]
    assert keys[0]["x"] != keys[1]["x"]


def test_the_caller_keys_are_named_after_who_signs(folder: Folder) -> None:
    assert [key["kid"].split("-")[0] for key in json.loads(secrets.callers_file(folder).read_text())["keys"]] == ["cli", "gateway"]


def test_a_partners_folder_holds_what_the_contract_says_and_nothing_else(folder: Folder) -> None:
    home = folder.partners / "skatteverket"
    own = {"partner.toml", "password", "ca.crt", "private.jwks", "kommun.jwks"}
    assert {path.name for path in home.iterdir()} == own | {"README.md", "contract", "examples", "samples", "sandbox"}
    assert (home / "password").read_text() == folder.password("kafka-skatteverket")
    assert tomllib.loads((home / "partner.toml").read_text()) == {
        "agency": "skatteverket",
        "kommun_source": "urn:los:0580:sharing",
        "receiver_kinds": ["skatteverket-folkbokforing", "skatteverket-beskattning"],
        "share_topic": "los.share.skatteverket.v1",
        "reply_topic": "los.reply.skatteverket.v1",
        "group_prefix": "skatteverket.",
        "kafka": {
            "bootstrap_servers": "127.0.0.1:9093",
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "SCRAM-SHA-512",
            "username": "skatteverket",
            "password_file": "password",
            "ca_file": "ca.crt",
        },
        "keys": {"private_file": "private.jwks", "kommun_file": "kommun.jwks"},
    }
