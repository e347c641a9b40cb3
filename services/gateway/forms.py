"""Forms as browsers send them, and what is wrong with one, said at its field; also what has changed since a form was opened."""

import json
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from dataclasses import field as made
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar
from uuid import uuid4

import grpc
from fastapi import Depends, Request

from services.kernel.errors import Conflict, ConflictReason, Invalid, Unavailable
from services.kernel.rpc import failure_of

Answer = TypeVar("Answer")
CHANGED = "Någon annan har ändrat det här medan du arbetade. Det du skrev är inte sparat, men står kvar i formuläret."
SENT_BEFORE = "Formuläret har redan skickats en gång, med annat innehåll. Det du skrev nu är inte sparat: spara igen om det ska gälla."
NOT_ANSWERED = "Tjänsten svarade inte. Det du skrev står kvar här: skicka igen om en stund. Det blir inte gjort två gånger."
SHOWN_AGAIN = "Det du skrev finns kvar, men är inte skickat än. Kontrollera det och skicka igen."
AGAIN = "shown_again"
"""The field of a form that is only to be shown again with what was written: nothing is done."""
SAME_REQUEST = frozenset({NOT_ANSWERED, SHOWN_AGAIN})
"""After these the form is the same request as before: it may have been done, and is not to be done twice."""
_shown_again: ContextVar[bool] = ContextVar("shown_again", default=False)


class Lacking(Invalid):
    """Fields that must be filled in and are not: each with its Swedish sentence, so that all are said at once."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.fields = fields
        name = next(iter(fields))
        super().__init__(f"{name}: {fields[name]}")


@dataclass(frozen=True, slots=True)
class Sent:
    """What was filled in, by field; also what is wrong with it: the field (empty: the whole) and a Swedish sentence.

    `facts`: what the page says of the thing that the form is about, by its word. A form with an etag carries them, so that whoever comes
    second is shown what has changed; `mine`: what the form says instead. `conflict`: it could be right, but not as things are now.
    `more`: what else is wrong, by its field.
    """

    values: Mapping[str, list[str]] = made(default_factory=dict)
    field: str = ""
    message: str = ""
    conflict: bool = False
    facts: Mapping[str, str] = made(default_factory=dict)
    mine: Mapping[str, str] = made(default_factory=dict)
    more: Mapping[str, str] = made(default_factory=dict)

    def text(self, name: str) -> str:
        """One field; empty when nothing was written."""
        return next(iter(self.values.get(name, [])), "").strip()

    def all(self, name: str) -> list[str]:
        """Everything that was ticked or chosen under one name."""
        return [value for value in self.values.get(name, []) if value]

    def wrong(self, failure: Invalid | Conflict) -> "Sent":
        """The same with what was wrong. What stands in the way is a matter of the whole form.

        The contract says where in a record; a form has the last word of that.
        """
        if failure.reason in {ConflictReason.ETAG, ConflictReason.REQUEST_REUSED}:
            return Sent(self.values, "", CHANGED if failure.reason == ConflictReason.ETAG else SENT_BEFORE, conflict=True)
        if failure.message in SAME_REQUEST:
            return Sent(self.values, "", failure.message, isinstance(failure, Conflict))
        if isinstance(failure, Lacking):
            (name, message), *others = failure.fields.items()
            return Sent(self.values, name, message, more=dict(others))
        name, _, message = failure.message.partition(": ")
        last = name.rpartition(".")[2]
        name = last if name not in self.values and last in self.values else name
        if not message:
            return Sent(self.values, "", failure.message, isinstance(failure, Conflict))
        sentence = f"{message[:1].upper()}{message[1:]}"
        return Sent(self.values, "", sentence, conflict=True) if isinstance(failure, Conflict) else Sent(self.values, name, sentence)

    @property
    def faults(self) -> dict[str, str]:
        """Everything that is wrong, by its field; under no name what is wrong with the whole."""
        return {self.field: self.message, **self.more} if self.message else {}

    def at(self, name: str) -> "Sent":
        """What is wrong, said at this field."""
        return replace(self, field=name)

    def about(self, rows: Iterable[tuple[str, str]], mine: Iterable[tuple[str, str]] = ()) -> "Sent":
        """The form on a page that says this of what it is about; `mine`: what the form says, where it asks for the same."""
        return replace(self, facts={word: value for word, value in rows if value}, mine=dict(mine))

    @property
    def seen(self) -> str:
        """What the page says, as a form carries it; no etag, nothing to compare."""
        return json.dumps(self.facts, ensure_ascii=False, separators=(",", ":"))

    def etag(self, now: str) -> str:
        """What was seen when the form was opened, until its person has been shown what has changed since; `now`: as it is."""
        return now if self._is_up_to_date else self.text("etag")

    @property
    def seen_first(self) -> str:
        """What the page said when the form was opened, for as long."""
        return self.seen if self._is_up_to_date else self.text("seen")

    @property
    def _is_up_to_date(self) -> bool:
        return not self.text("etag") or not self.message or self.message in {CHANGED, SENT_BEFORE}

    @property
    def shown(self) -> str:
        """When the form is shown, for what its person does meanwhile."""
        return datetime.now(UTC).isoformat(timespec="milliseconds")

    @property
    def changed(self) -> list[tuple[str, str, str, str]]:
        """What has changed since the form was opened: the word, what stood there, what stands there now, what the form says."""
        if self.message != CHANGED:
            return []
        try:
            before = json.loads(self.text("seen"))
        except ValueError:
            return []
        if not isinstance(before, dict):
            return []
        then = {str(word): str(value) for word, value in before.items()}
        rows = [(word, then.get(word, ""), self.facts.get(word, ""), self.mine.get(word, "")) for word in {**then, **self.facts}]
        return [row for row in rows if row[1] != row[2]]

    @property
    def status(self) -> int:
        """What a page that shows it is answered with."""
        if self.conflict:
            return 409
        return 400 if self.message else 200

    @property
    def request_id(self) -> str:
        """The form's own; a form that was corrected is another request."""
        own = "" if self.message and self.message not in SAME_REQUEST else self.text("request_id")
        return own or str(uuid4())


async def sent(request: Request) -> Sent:
    """The form of a request, without files."""
    form = await request.form()
    _shown_again.set(AGAIN in form)
    return Sent({name: [value for value in form.getlist(name) if isinstance(value, str)] for name in form})


Filled = Annotated[Sent, Depends(sent)]
"""A page's parameter: the form that was sent to it."""


def asked(call: Callable[[], Answer]) -> Answer:
    """What a service answers. Raises the planned failure instead of gRPC's.

    Invalid for a form that is only to be shown again; Conflict when the service does not answer, as it may have been done.
    """
    if _shown_again.get():
        raise Invalid(SHOWN_AGAIN)
    try:
        return answered(call)
    except Unavailable:
        raise Conflict(NOT_ANSWERED) from None


def answered(call: Callable[[], Answer]) -> Answer:
    """What a service answers to a question that changes nothing. Raises the planned failure instead of gRPC's."""
    try:
        return call()
    except grpc.RpcError as error:
        raise failure_of(error) from None


def chosen(form: Sent, name: str, options: Mapping[str, tuple[str, Any]]) -> Any:  # noqa: ANN401  # a number of the contract
    """The answer to a question. Raises Invalid."""
    if form.text(name) not in options:
        raise Invalid(f"{name}: välj ett av svaren.")
    return options[form.text(name)][1]


def needed(form: Sent, name: str, message: str) -> str:
    """A text that must be there. Raises Invalid."""
    if not form.text(name):
        raise Invalid(f"{name}: {message}")
    return form.text(name)


def all_needed(form: Sent, sentences: Mapping[str, str]) -> None:
    """Fields that must all be filled in, each with what is said when it is not. Raises Lacking."""
    if lacking := {name: sentence for name, sentence in sentences.items() if not form.text(name)}:
        raise Lacking(lacking)
