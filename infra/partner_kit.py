"""What lies in an agency's folder beside its own keys and addresses: the sandbox, for a consumer that is being built."""

from pathlib import Path

from infra import topics
from infra.folder import Folder, private_folder, write, write_toml
from partner import sandbox

AGENCY = "sandbox"
"""The principal of whoever tries a consumer; what the made-up kommun is called stands in partner.sandbox."""
_SOURCE = "urn:los:9999:sharing"


def write_sandbox(folder: Folder, home: Path, agency: topics.Agency, bootstrap_servers: str) -> None:
    """Write `sandbox/` in the agency's folder `home`: both sides of a kommun that does not exist. Its keys are made once."""
    box = home / "sandbox"
    private_folder(box)
    write(box / "password", folder.password(f"kafka-{AGENCY}"))
    write(box / sandbox.KOMMUN_PASSWORD, folder.password(f"kafka-{sandbox.KOMMUN_PRINCIPAL}"))
    write(box / "ca.crt", (folder.tls / "ca.crt").read_bytes())
    write_toml(
        box / "partner.toml",
        {
            "agency": AGENCY,
            "kommun_source": _SOURCE,
            "receiver_kinds": list(agency.receiver_kinds),
            "share_topic": f"los.share.{AGENCY}.v1",
            "reply_topic": f"los.reply.{AGENCY}.v1",
            "group_prefix": topics.group_prefix(AGENCY),
            "kafka": {
                "bootstrap_servers": bootstrap_servers,
                "security_protocol": "SASL_SSL",
                "sasl_mechanism": "SCRAM-SHA-512",
                "username": AGENCY,
                "password_file": "password",
                "ca_file": "ca.crt",
            },
            "keys": {"private_file": "private.jwks", "kommun_file": "kommun.jwks"},
        },
    )
    if not (box / sandbox.KOMMUN_PRIVATE).exists():
        sandbox.write_keys(box, agency.receiver_kinds)
