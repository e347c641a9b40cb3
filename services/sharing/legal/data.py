"""What the files of the law hold, as written: one model per table, unknown keys and wrong types refused.

`legal_bases/*.toml` are the grounds, `matrix/*.toml` the tables of the sharing matrix. Nothing here decides anything.
"""

import hashlib
import json
from datetime import date
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict

Field_ = Annotated[str, Field(pattern=r"^[a-z_]+\.([a-z_]+|\*)$")]
Texts = Annotated[tuple[str, ...], Strict(strict=False)]
Patterns = Annotated[tuple[Field_, ...], Strict(strict=False)]

Condition = Literal["registered_person", "coordination_number", "individual"]
Subject = Literal["personnummer", "samordningsnummer", "company", "nobody"]

PRECEDENCE = ("open_facts", "special_duty", "notify_duty", "request_duty", "general_duty", "own_need", "last")
"""The order of sharing-matrix 1.3, steps 3 to 5; the first ground that holds is the answer."""


class Row(BaseModel):
    """A row of a file: frozen, strict, no unknown keys."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Gdpr(Row):
    """The articles a controller leans on."""

    art6: str
    swedish_support: str
    art9: str
    art10: str


class Ground(Row):
    """One version of one ground in law. Its id is the id in legal-bases.yaml; it is appended, never edited.

    `opens` are the secrecy classes it breaks (sharing-matrix 1.2). `fields_never` wins over `fields_allowed`; `x.*` is
    a subtree. Days are Swedish calendar days, inclusive at both ends; no `effective_to` means still in force.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    title_sv: str
    rule_sv: str
    citation: str
    sfs: str
    kind: Literal["duty", "permission"]
    initiative: Literal["own_initiative", "on_request", "both"]
    effective_from: date
    effective_from_verified: bool
    effective_to: date | None = None
    supersedes: str | None = None
    sender_kinds: Texts
    receivers: Texts
    record_kinds: Texts
    applies_if: str | None = None
    condition: Condition | None = None
    deciding_body_only: bool = False
    threshold: str
    escape_valve: str | None = None
    brake: str | None = None
    precedence: Literal["open_facts", "special_duty", "notify_duty", "request_duty", "general_duty", "own_need", "last"]
    opens: Texts
    secrecy_overridden: Texts
    secrecy_not_overridden: Texts
    fields_allowed: Patterns
    fields_never: Patterns
    decision_by: str
    automation: Literal[
        "human_decision",
        "may_send_after_field_check",
        "intake_only",
        "status_only",
        "architecture",
        "never",
        "human_only_outside_platform",
        "prompt_only_outside_platform",
    ]
    documentation: Texts
    retention_note: str
    information_to_subject: str
    verified: bool
    verification_note: str
    source: Texts
    gdpr: Gdpr

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the version as canonical JSON, in hex; stored with every disclosure."""
        text = json.dumps(self.model_dump(mode="json"), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


class Statute(Row):
    """One file of `legal_bases/`."""

    statute: str
    version: Annotated[tuple[Ground, ...], Strict(strict=False)]


class Flow(Row):
    """An open flow (sharing-matrix 5). Without `sender_kinds` the ground's own list holds."""

    id: str
    record_kind: str
    receivers: Texts
    grounds: Texts
    sender_kinds: Texts | None = None
    not_sender_kinds: Texts = ()
    not_subjects: Annotated[tuple[Subject, ...], Strict(strict=False)] = ()
    secrecy: Texts | None = None
    goes: Texts
    must_not: Patterns
    writes: str
    switch: Literal["on", "outside"] = "on"


class Closed(Row):
    """Why a flow is shut. Without receivers or senders it speaks of all; `secrecy`: only when something is secret."""

    id: str | None = None
    record_kinds: Texts
    receivers: Texts | None = None
    sender_kinds: Texts | None = None
    secrecy: bool = False
    switch: Literal["none", "off", "outside"]
    grounds: Texts = ()
    text: str


class RecordKind(Row):
    """A record kind and how the names of its own fields begin."""

    word: str
    own: Texts


class FlowFile(Row):
    """`flows.toml`."""

    record_kinds: dict[str, RecordKind]
    decided_by: dict[str, str]
    sets: dict[str, Patterns]
    flow: Annotated[tuple[Flow, ...], Strict(strict=False)]


class ClosedFile(Row):
    """`closed.toml`."""

    closed: Annotated[tuple[Closed, ...], Strict(strict=False)]


class Sender(Row):
    """A sender kind, the wider kinds it implies, and the class of its data when none is stated."""

    code: str
    word: str
    implies: Texts = ()
    secrecy: str | None = None


class SenderFile(Row):
    """`senders.toml`."""

    sender: Annotated[tuple[Sender, ...], Strict(strict=False)]


class SecrecyClass(Row):
    """A secrecy class; `never`: the platform sends nothing of it, `told`: the receiver reads it in the event."""

    code: str
    word: str
    never: bool = False
    told: bool = False


class SecrecyFile(Row):
    """`secrecy.toml`."""

    class_: Annotated[tuple[SecrecyClass, ...], Strict(strict=False)] = Field(alias="class")


class Brake(Row):
    """The text and checklist an officer sees before deciding (6.1)."""

    id: str
    value: str
    text: str
    checklist: Texts


class Point(Row):
    """One thing the officer writes; `code` is the key it is stored under."""

    code: str
    text: str


class Writing(Row):
    """What the officer writes, every point (6.2)."""

    id: str
    points: Annotated[tuple[Point, ...], Strict(strict=False)]


class BrakeFile(Row):
    """`brakes.toml`."""

    brake: Annotated[tuple[Brake, ...], Strict(strict=False)]
    write: Annotated[tuple[Writing, ...], Strict(strict=False)]


class MessageFile(Row):
    """`messages.toml`."""

    messages: dict[str, str]
