"""A certificate authority of the data folder's own, and one certificate per part, for mTLS on one machine.

P-256 everywhere. The authority lives 10 years, a certificate one; a certificate with less than 30 days left is replaced at start.
"""

import datetime as dt
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from infra.folder import Folder, write

PARTS = ("registry", "controls", "sharing", "relay", "gateway", "cli", "broker")
"""Those who get a certificate; the name is its CN, and what the others know them by."""

_AUTHORITY_DAYS = 3650
_CERTIFICATE_DAYS = 365
_RENEW_BEFORE_DAYS = 30
_CLOCK_SKEW = dt.timedelta(minutes=5)


def arrange(folder: Folder) -> None:
    """Make what is missing or about to expire: `tls/ca.{crt,key}`, `tls/<part>.{crt,key}`, and `tls/broker.pem` for Kafka."""
    certificate_file, key_file = folder.tls / "ca.crt", folder.tls / "ca.key"
    new_authority = not (key_file.exists() and _lasts(certificate_file))
    if new_authority:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _sign_authority(key)
        write(key_file, _pem_of_key(key))
        write(certificate_file, _pem(certificate))
    authority = x509.load_pem_x509_certificate(certificate_file.read_bytes())
    authority_key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
    assert isinstance(authority_key, ec.EllipticCurvePrivateKey)  # noqa: S101  # we wrote it
    for part in PARTS:
        part_certificate, part_key = folder.tls / f"{part}.crt", folder.tls / f"{part}.key"
        if new_authority or not part_key.exists() or not _issued_by(part_certificate, authority) or not _lasts(part_certificate):
            key = ec.generate_private_key(ec.SECP256R1())
            write(part_key, _pem_of_key(key))
            write(part_certificate, _pem(_sign_part(part, key, authority, authority_key)))
    broker = [folder.tls / name for name in ("broker.key", "broker.crt", "ca.crt")]
    write(folder.tls / "broker.pem", b"".join(path.read_bytes() for path in broker))


def _lasts(path: Path) -> bool:
    if not path.exists():
        return False
    left = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc - _now()
    return left > dt.timedelta(days=_RENEW_BEFORE_DAYS)


def _issued_by(path: Path, authority: x509.Certificate) -> bool:
    # A crash between the two files of a new authority would otherwise leave certificates that nobody trusts.
    if not path.exists():
        return False
    identifier = x509.load_pem_x509_certificate(path.read_bytes()).extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    subject = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return identifier.value.key_identifier == subject.value.digest


def _sign_authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = _name("los lokal certifikatutfärdare")
    return (
        _builder(name, name, key.public_key(), key.public_key(), _AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def _sign_part(
    part: str, key: ec.EllipticCurvePrivateKey, authority: x509.Certificate, authority_key: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    names = [x509.DNSName(part), x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    return (
        _builder(_name(part), authority.subject, key.public_key(), authority_key.public_key(), _CERTIFICATE_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, issuer_key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_now() - _CLOCK_SKEW)
        .not_valid_after(_now() + dt.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _pem_of_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
