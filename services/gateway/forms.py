"""Forms as browsers send them, and what is wrong with one, said at its field."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar
from uuid import uuid4

import grpc
from fastapi import Depends, Request

from services.kernel.errors import Conflict, Invalid
from services.kernel.rpc import failure_of

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Sent:
    """What was filled in, by field; also what is wrong with it: the field (empty: the whole) and a Swedish sentence."""

    values: Mapping[str, list[str]] = field(default_factory=dict)
    field: str = ""
    message: str = ""

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
        name, _, message = failure.message.partition(": ")
        last = name.rpartition(".")[2]
        name = last if name not in self.values and last in self.values else name
        if not message:
            return Sent(self.values, "", failure.message)
        return Sent(self.values, name if isinstance(failure, Invalid) else "", f"{message[:1].upper()}{message[1:]}")

    @property
    def status(self) -> int:
        """What a page that shows it is answered with, when nothing more is known of the failure."""
        return 400 if self.message else 200

    @property
    def request_id(self) -> str:
        """The form's own; a form that was corrected is another request."""
        return str(uuid4()) if self.message else self.text("request_id") or str(uuid4())


async def sent(request: Request) -> Sent:
    """The form of a request, without files."""
    form = await request.form()
    return Sent({name: [value for value in form.getlist(name) if isinstance(value, str)] for name in form})


Filled = Annotated[Sent, Depends(sent)]
"""A page's parameter: the form that was sent to it."""


def asked(call: Callable[[], Answer]) -> Answer:
    """What a service answers. Raises the planned failure instead of gRPC's."""
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
