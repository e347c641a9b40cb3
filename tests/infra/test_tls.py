import ipaddress
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from infra import tls
from infra.folder import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "data")


def certificate(folder: Folder, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder.tls / f"{name}.crt").read_bytes())


@pytest.mark.parametrize("part", tls.PARTS)
def test_a_part_is_known_by_its_name_on_this_machine(folder: Folder, part: str) -> None:
    tls.arrange(folder)
    found = certificate(folder, part)
    found.verify_directly_issued_by(certificate(folder, "ca"))
    assert [name.value for name in found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == [part]
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [part, "localhost"]
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("127.0.0.1")]
    key = found.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"


def test_only_the_owner_may_read_a_key(folder: Folder) -> None:
    tls.arrange(folder)
    keys = [*folder.tls.glob("*.key"), folder.tls / "broker.pem"]
    assert len(keys) == len(tls.PARTS) + 2
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}
    assert stat.S_IMODE(folder.tls.stat().st_mode) == 0o700


def test_certificates_are_kept_at_the_next_start(folder: Folder) -> None:
    tls.arrange(folder)
    before = {path.name: path.read_bytes() for path in folder.tls.iterdir()}
    tls.arrange(folder)
    assert {path.name: path.read_bytes() for path in folder.tls.iterdir()} == before


def test_a_certificate_about_to_expire_is_replaced_and_the_authority_kept(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as soon:
        soon.setattr(tls, "_CERTIFICATE_DAYS", 29)
        tls.arrange(folder)
    authority, old = certificate(folder, "ca"), certificate(folder, "registry")
    tls.arrange(folder)
    assert certificate(folder, "ca") == authority
    assert certificate(folder, "registry").not_valid_after_utc > old.not_valid_after_utc


def test_a_new_authority_replaces_every_certificate_even_after_a_crash_in_between(folder: Folder) -> None:
    tls.arrange(folder)
    kept = {name: (folder.tls / name).read_bytes() for name in ("registry.crt", "registry.key")}
    (folder.tls / "ca.key").unlink()
    tls.arrange(folder)
    for name, content in kept.items():  # as it would be had the crash come before registry's turn
        (folder.tls / name).write_bytes(content)
    tls.arrange(folder)
    for part in tls.PARTS:
        certificate(folder, part).verify_directly_issued_by(certificate(folder, "ca"))
