"""What an agency may say: the body of each type, strict and without free text."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, model_validator


def utc(time: datetime) -> datetime:
    """The instant in UTC. Raises ValueError when it falls outside the years 1 to 9999 there."""
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise ValueError from None


_Instant = Annotated[AwareDatetime, AfterValidator(utc)]
_Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,59}$")]
_Reference = Annotated[str, StringConstraints(pattern=r"^[A-ZÅÄÖa-zåäö0-9][A-ZÅÄÖa-zåäö0-9/:._-]{0,59}$")]
_Month = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]
_Digits = Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")]
_Mailbox = Annotated[
    str,
    StringConstraints(max_length=255, pattern=r"^[^@\s\p{C}]+@[^@\s\p{C}]+$"),
    Field(json_schema_extra={"pattern": r"^[^@\s]+@[^@\s]+$"}),  # published in what every regex engine reads
]


class _Said(BaseModel):
    """What every body says: for whom, by which receiver kind, when."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    aud: Literal["kommun"]
    receiver_kind: str
    time: _Instant


class _Body(_Said):
    """An answer to an event of ours."""

    disclosure_id: UUID
    event_id: UUID

    @property
    def about(self) -> UUID:
        """What it is about: the event's `correlationid`."""
        return self.disclosure_id


class Receipt(_Body):
    """The agency has the event, or refused it with a code."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"status": {"const": "refused"}}},
            "then": {"required": ["reason"], "properties": {"reason": {"type": "string"}}},
            "else": {"properties": {"reason": {"type": "null"}}},
        }
    )

    status: Literal["received", "refused"]
    reason: _Word | None = None

    @model_validator(mode="after")
    def _reason_when_refused(self) -> Self:
        if (self.reason is not None) != (self.status == "refused"):
            raise ValueError
        return self


class Outcome(_Body):
    """What became of the record at the agency."""

    status: Literal["opened", "no_action", "action", "closed"]


class InvitationAnswered(_Body):
    """Whether the agency takes part in a control, how, and on which own ground."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"answer": {"const": "accepted"}}},
            "then": {"required": ["role"], "properties": {"role": {"type": "string"}}},
            "else": {"properties": {"role": {"type": "null"}, "control_ground_id": {"type": "null"}}},
        }
    )

    control_reference: _Reference
    answer: Literal["accepted", "declined"]
    role: Literal["on_site", "planning_only", "follow_up_only"] | None = None
    control_ground_id: _Word | None = None
    function_mailbox: _Mailbox

    @model_validator(mode="after")
    def _role_when_accepted(self) -> Self:
        accepted = self.answer == "accepted"
        if (self.role is not None) != accepted or (self.control_ground_id is not None and not accepted):
            raise ValueError
        return self


class AboutNotice(_Said):
    """Something an agency says unasked. It makes the id, which is also the key of all it says of that notice."""

    notice_id: UUID

    @property
    def about(self) -> UUID:
        """What it is about: the event's `correlationid`."""
        return self.notice_id


class NoticeSubject(BaseModel):
    """Whom a notice is about, by one number of twelve digits."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"minProperties": 1, "maxProperties": 1})

    personal_identity_number: _Digits | None = None
    coordination_number: _Digits | None = None

    @model_validator(mode="after")
    def _one_number(self) -> Self:
        if (self.personal_identity_number is None) == (self.coordination_number is None):
            raise ValueError
        return self


class NoticedCause(BaseModel):
    """A circumstance (lag 2008:206 4 §): a code of causes.toml, and its days where they are known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: _Word
    from_date: date | None = Field(default=None, alias="from")
    to_date: date | None = Field(default=None, alias="to")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.from_date and self.to_date and self.to_date < self.from_date:
            raise ValueError
        return self


class Notice(AboutNotice):
    """That a benefit which the kommun decides may have been paid wrongly (workflows 6.3). The same id again takes the earlier's place.

    `scheme` is a code of schemes.toml, `basis_id` the ground that binds the agency to tell, `reference` the agency's own.
    """

    scheme: _Word
    subject: NoticeSubject
    period_from: _Month
    period_to: _Month
    causes: Annotated[tuple[NoticedCause, ...], Field(min_length=1, max_length=20)]
    reference: _Reference
    function_mailbox: _Mailbox
    basis_id: _Word

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.period_to < self.period_from:
            raise ValueError
        return self


class NoticeWithdrawn(AboutNotice):
    """The agency takes a notice back."""

    withdrawn: Literal[True]


Body = Receipt | Outcome | InvitationAnswered | Notice | NoticeWithdrawn
"""What an agency may say."""

BODIES: Mapping[str, TypeAdapter[Any]] = {
    "se.los.receipt.v1": TypeAdapter(Receipt),
    "se.los.outcome.v1": TypeAdapter(Outcome),
    "se.los.invitation.answered.v1": TypeAdapter(InvitationAnswered),
    "se.los.notice.v1": TypeAdapter(Notice | NoticeWithdrawn),
}
"""The body of each event type."""
