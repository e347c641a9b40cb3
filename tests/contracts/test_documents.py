"""What the documents say is there, and what is there is in the documents."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from los.controls.v1 import controls_pb2
from los.registry.v1 import registry_pb2
from los.sharing.v1 import sharing_pb2
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from cli.main import COMMANDS
from infra.topics import TOPICS
from partner.jose import Code
from services.kernel.config import ServiceConfig
from services.kernel.reference import reference
from services.sharing.app import SharingConfig
from services.sharing.legal import law
from services.sharing.relay import RelayConfig
from services.sharing.sealing import BODIES

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
SERVICES = [next(iter(module.DESCRIPTOR.services_by_name.values())) for module in (registry_pb2, controls_pb2, sharing_pb2)]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def in_code(name: str) -> set[str]:
    """Everything that a document writes as `code`."""
    return set(re.findall(r"`([^`\n]+)`", text(name)))


def test_every_command_is_in_the_readme_and_every_command_of_the_readme_exists() -> None:
    written = {match[1] for match in re.finditer(r"`los (\w+)", text("README.md"))}
    assert written == set(COMMANDS)


def test_every_make_target_that_a_document_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))
    named = {match for path in DOCUMENTS for match in re.findall(r"\bmake ([a-z-]+)\b(?=`|\s+#)", path.read_text(encoding="utf-8"))}
    assert named <= targets
    assert {"setup", "demo", "test", "check", "proto", "bench"} <= targets & named | {"setup"}


def test_every_method_is_described_and_no_other() -> None:
    rows = set(re.findall(r"^\| `([A-Z]\w+)` \|", text("docs/interfaces.md"), re.MULTILINE))
    assert rows == {method.name for service in SERVICES for method in service.methods}
    assert {service.full_name for service in SERVICES} <= in_code("docs/interfaces.md")


def test_who_may_call_a_method_is_written_as_it_is() -> None:
    from services.controls.service.servicer import RULES as CONTROLS  # noqa: PLC0415  # three tables of one name
    from services.registry.service.servicer import RULES as REGISTRY  # noqa: PLC0415
    from services.sharing.service.servicer import RULES as SHARING  # noqa: PLC0415

    lines = text("docs/interfaces.md").splitlines()
    for service, rules in zip(SERVICES, (REGISTRY, CONTROLS, SHARING), strict=True):
        start = lines.index(f"## `{service.full_name}`")
        for name, rule in rules.items():
            row = next(line for line in lines[start:] if line.startswith(f"| `{name}` |"))
            who = set(re.findall(r"\w+", row.split("|")[3])) - {"the", "service", "or"}
            assert who == set(rule.roles) | rule.services, name


def test_every_topic_is_described_and_no_other() -> None:
    assert set(re.findall(r"^\| `(los\.[^`]+)` \|", text("docs/interfaces.md"), re.MULTILINE)) == {topic.name for topic in TOPICS}


def test_every_ground_is_in_the_law_document_with_its_days_and_no_other() -> None:
    rows = {match[1]: match[0] for match in re.finditer(r"^\| `([a-z0-9-]+)` \|.*$", text("docs/law.md"), re.MULTILINE)}
    assert set(rows) == set(law().grounds)
    for ground in law().grounds.values():
        days = f"| {ground.effective_from} – {ground.effective_to or ''}".rstrip()
        assert days in rows[ground.id], ground.id
        assert f"| {ground.kind} |" in rows[ground.id], ground.id


def test_every_record_kind_that_travels_is_in_the_glossary_or_the_law() -> None:
    words = text("docs/glossary.md") + text("docs/law.md") + text("docs/partners.md")
    kinds = {field.name for field in sharing_pb2.OfferRecordRequest.DESCRIPTOR.oneofs_by_name["content"].fields} - {"withdrawn"}
    missing = {kind for kind in kinds - {"police_report", "control_invitation"} if kind not in words}
    assert missing == set()


def test_every_agency_is_named_to_the_newcomer() -> None:
    assert [agency.word for agency in reference().agencies if agency.word not in text("README.md")] == []


def keys_of(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from keys_of(inner, f"{prefix}{name}.")
        else:
            yield prefix + name, field


def default_of(field: FieldInfo) -> str:
    return "–" if field.default is PydanticUndefined else f"`{field.default}`"


def described() -> dict[str, dict[str, str]]:
    """Section -> key -> default, as docs/configuration.md has them."""
    sections: dict[str, dict[str, str]] = {}
    for part in text("docs/configuration.md").split("\n## ")[1:]:
        rows = re.findall(r"^\| `([a-z_.]+)` \| ([^|]+) \|", part, re.MULTILINE)
        sections[part.splitlines()[0]] = {key: default.strip() for key, default in rows}
    return sections


@pytest.mark.parametrize(
    ("model", "sections"),
    [
        (ServiceConfig, ("Every process", "registry, controls, sharing")),
        (SharingConfig, ("Every process", "registry, controls, sharing", "sharing", "sharing, relay")),
        (RelayConfig, ("Every process", "sharing, relay")),
    ],
)
def test_every_configuration_key_is_described_with_its_default(model: type[BaseModel], sections: tuple[str, ...]) -> None:
    written: dict[str, Any] = {}
    for section in sections:
        written |= described()[section]
    assert written == {key: default_of(field) for key, field in keys_of(model)}


def test_the_description_of_the_environment_holds_every_word() -> None:
    annotation = ServiceConfig.model_fields["environment"].annotation
    assert all(f"`{word}`" in text("docs/configuration.md") for word in get_args(annotation))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_between_documents_leads_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_file_that_a_document_names_exists(path: Path) -> None:
    named = re.findall(r"`((?:services|partner|infra|cli|bench|tests|docs|proto|samples)/[\w./-]+)`", path.read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_journey_fits_on_a_page() -> None:
    assert len(text("docs/journey.md").splitlines()) <= 40  # a page


def test_a_partner_reads_of_every_code_and_every_answer() -> None:
    named = in_code("docs/partners.md")
    assert {code.value for code in Code} <= named
    assert set(BODIES) <= named


def test_the_partners_two_documents_are_about_the_same() -> None:
    for word in ("los partner check", "replaces", "recalled", "revoked", "se.los.notice.v1", "kommun.jwks", "hit / no hit"):
        assert word in text("docs/partners.md")
    for word in ("los partner check", "replaces", "recalled", "revoked", "se.los.notice.v1", "kommun.jwks", "träff"):
        assert word in text("docs/partners.sv.md")
