"""What the files of the law hold, as written: one model per table, unknown keys and wrong types refused.

`legal_bases/*.toml` are the grounds, `matrix/*.toml` the tables of the sharing matrix. Nothing here decides anything.
"""

import hashlib
import json
from datetime import date
from functools import cached_property
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, Strict

Field_ = Annotated[str, Field(pattern=r"^(\*|[a-z_]+(\.([a-z_]+|\*))?)$")]
Texts = Annotated[tuple[str, ...], Strict(strict=False)]
Patterns = Annotated[tuple[Field_, ...], Strict(strict=False)]

Condition = Literal["registered_person", "coordination_number", "individual", "receiver_pays", "environment", "alcohol", "assistance"]
Subject = Literal["personnummer", "samordningsnummer", "company", "nobody"]
Matter = Literal["environment", "alcohol", "assistance"]
Precedence = Literal[
    "open_facts",
    "special_duty",
    "notify_duty",
    "narrow_request_duty",
    "request_duty",
    "general_duty",
    "own_need",
    "other_permission",
    "last",
]

PRECEDENCE: tuple[Precedence, ...] = get_args(Precedence)
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
    a subtree, `*` everything. `weighing` is the law's own test where it has one; `shut_because` tells a user, in
    Swedish, why a ground that is not verified is shut. Days are Swedish calendar days, inclusive at both ends; no
    `effective_to` means still in force.
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
    weighing: str | None = None
    escape_valve: str | None = None
    brake: str | None = None
    precedence: Precedence
    opens: Texts
    secrecy_overridden: Texts
    secrecy_not_overridden: Texts
    fields_allowed: Patterns
    fields_never: Patterns
    fields_note: str = ""
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
    shut_because: str = ""
    source: Texts
    gdpr: Gdpr

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the version as canonical JSON, in hex; stored with every disclosure.

        What a version leaves unsaid does not count, so a new word in this model alters no digest.
        """
        text = json.dumps(self.model_dump(mode="json", exclude_defaults=True), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


class Statute(Row):
    """One file of `legal_bases/`."""

    statute: str
    version: Annotated[tuple[Ground, ...], Strict(strict=False)]


class Flow(Row):
    """A flow (sharing-matrix 5) and how it ships. Without `sender_kinds` the ground's own list holds.

    Without `receivers` it goes to everyone the ground reaches outside the kommun and the agencies that have a topic.
    `decision_by` where the flow says more than its ground; `note` is what an officer or a jurist has to know.
    """

    id: str
    name: str
    serves: str
    record_kind: str
    receivers: Texts | None = None
    grounds: Texts
    sender_kinds: Texts | None = None
    not_sender_kinds: Texts = ()
    not_subjects: Annotated[tuple[Subject, ...], Strict(strict=False)] = ()
    secrecy: Texts | None = None
    goes: Texts
    must_not: Patterns
    decision_by: str | None = None
    writes: str
    switch: Literal["on", "off", "outside"] = "on"
    note: str = ""


class Closed(Row):
    """Why there is no flow. Without receivers or senders it speaks of all."""

    record_kinds: Texts
    receivers: Texts | None = None
    sender_kinds: Texts | None = None
    switch: Literal["none", "outside"]
    grounds: Texts = ()
    text: str


class NotABasis(Row):
    """What looks like a ground and is none; named where a question near it is refused."""

    id: str
    citation: str
    why: str
    record_kinds: Texts
    receivers: Texts | None = None


class Purpose(Row):
    """What sharing is for, and what good it does; for the public register."""

    purpose: str
    benefit: str


class Register(Row):
    """`register.toml`: what the public register says beside the flow itself. `purposes` by what a flow serves."""

    bus: str
    other_way: str
    outside: str
    retention: str
    review: str
    purposes: dict[str, Purpose]
    set_words: dict[str, str]


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
    not_a_basis: Annotated[tuple[NotABasis, ...], Strict(strict=False)]


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
