"""What can be done with a case: one form for each act, shown to who may and when. The registry decides; here it is only shown.

An act that cannot be undone says so first, and is confirmed. Whoever comes second is shown what has changed, with what they wrote.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response
from google.protobuf.message import Message
from los.common.v1 import common_pb2
from los.sharing.v1 import sharing_pb2

from services.gateway.door import Door, Who
from services.gateway.forms import Filled, Sent, asked
from services.gateway.questions import Group, Question, answers
from services.gateway.told import others, told
from services.gateway.web import go_to, page
from services.gateway.words import ROLES
from services.kernel.callers import Role
from services.kernel.errors import Conflict, Invalid
from services.kernel.pages import PAGE_SIZE_MAX

Row = Any
"""A case as its service tells it, with a state and an etag."""
STOPPED = "protected"
OFFERS_S = 2.0
"""How long whoever has assessed waits for what follows of it, in seconds."""
POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Step:
    """One act. `states`: where it can be done; `next_in`: where the case waits for it. `warning`: what of it cannot be undone."""

    code: str
    word: str
    send: str
    help: str
    roles: frozenset[Role]
    states: frozenset[int]
    next_in: frozenset[int]
    asking: Callable[[Sent, dict[str, Any]], Message]
    """The request that a form makes, with what each of them names. Raises Invalid."""
    questions: Callable[[Row], tuple[Question, ...]] = lambda _: ()
    groups: Callable[[Row], tuple[Group, ...]] = lambda _: ()
    begun: Callable[[Row], dict[str, list[str]]] = lambda _: {}
    warning: Callable[[Sent], str] = lambda _: ""
    again: str = ""
    """What it is called where it can be done but is not what the case waits for."""
    is_open: Callable[[Row], bool] = lambda _: True
    is_due: Callable[[Row], bool] = lambda _: True

    def may(self, role: Role, row: Row) -> bool:
        """Whether it is shown to this role now."""
        return role in self.roles and row.state in self.states and self.is_open(row)

    def is_next(self, row: Row) -> bool:
        """Whether the case waits for it."""
        return row.state in self.next_in and row.state in self.states and self.is_open(row) and self.is_due(row)

    @property
    def whose(self) -> str:
        """Who does it, in words."""
        return " eller ".join(ROLES[role].lower() for role in sorted(self.roles))


def always(warning: str) -> Callable[[Sent], str]:
    """A warning whatever is answered."""
    return lambda _: warning


class CasePages:
    """The pages of the acts of one kind of case. A kind says where its pages are, what its acts are, and how a case is read."""

    path: str
    named: str
    """What an address and the contract call the case's id."""
    steps: tuple[Step, ...]
    readers: frozenset[Role]
    record_kind: str

    def __init__(self, door: Door) -> None:
        self._door = door

    def route(self, router: APIRouter) -> None:
        """Put the pages on a router."""
        router.add_api_route(f"{self.path}/{{{self.named}}}/andra", self._others(), methods=["GET"])
        for step in self.steps:
            address = f"{self.path}/{{{self.named}}}/{step.code}"
            router.add_api_route(address, self._form(step), methods=["GET"])
            router.add_api_route(address, self._act(step), methods=["POST"])

    # What a kind says.

    def _row(self, who: Who, record_id: UUID) -> Row:
        raise NotImplementedError

    def _state(self, row: Row) -> str:
        raise NotImplementedError

    def _facts(self, row: Row) -> list[tuple[str, str]]:
        raise NotImplementedError

    def _seen(self, row: Row) -> list[tuple[str, str]]:
        raise NotImplementedError

    def _wrong(self, form: Sent, problem: Invalid | Conflict) -> Sent:
        return form.wrong(problem)

    # What follows of it.

    def _offered(self, who: Who, row: Row) -> dict[str, Any]:
        """What a case's page shows of its acts: what waits for whoever looks, what for others, and what else they can do."""
        may = [step for step in self.steps if step.may(who.role, row)]
        waits = [step for step in self.steps if step.is_next(row)]
        inline = next((step for step in may if step.code == "bedomning" and step in waits), None)
        return {
            "next_steps": [step for step in waits if step in may],
            "also": [step for step in may if step not in waits],
            "others": [step for step in waits if step not in may],
            "step": inline,
            "said": self._begun(row, inline) if inline else Sent(),
        }

    def _begun(self, row: Row, step: Step) -> Sent:
        return Sent(step.begun(row)).about(self._seen(row))

    def _others(self) -> Callable[[Request, UUID], Response]:
        def shown(request: Request, record_id: Annotated[UUID, Path(alias=self.named)]) -> Response:
            """The agencies that the case does not name, and why none of them is told."""
            who = self._door.allowed(request, self.readers)
            self._row(who, record_id)
            sharing = self._door.services(who).sharing
            named = {row.receiver for row in told(sharing, who, record_id)}
            rows = others(sharing, who.caller.unit or "", self.record_kind, named)
            return page(request, "others.html", rows=rows, here=f"{self.path}/{record_id}")

        return shown

    def _form(self, step: Step) -> Callable[[Request, UUID], Response]:
        def form(request: Request, record_id: Annotated[UUID, Path(alias=self.named)]) -> Response:
            """The page of one act."""
            who = self._door.allowed(request, step.roles)
            row = self._row(who, record_id)
            return self._step_page(request, who, step, record_id, row, self._begun(row, step))

        return form

    def _act(self, step: Step) -> Callable[[Request, UUID, Sent], Response]:
        def act(request: Request, record_id: Annotated[UUID, Path(alias=self.named)], form: Filled) -> Response:
            """First what cannot be undone, to confirm; then it is done. What is wrong is said, with all that was written still there."""
            who = self._door.allowed(request, step.roles, form)
            if form.text("confirmed") == "no":
                return self._step_page(request, who, step, record_id, self._row(who, record_id), form)
            try:
                wanted = step.asking(form, {"request_id": form.request_id, self.named: str(record_id), "etag": form.text("etag")})
                warning = step.warning(form)
                if warning and not form.text("confirmed"):
                    return self._confirm(request, step, record_id, self._row(who, record_id), form)
                registry = self._door.services(who).registry
                done = asked(lambda: getattr(registry, type(wanted).__name__.removesuffix("Request"))(wanted))
            except (Invalid, Conflict) as problem:
                return self._step_page(request, who, step, record_id, self._row(who, record_id), self._wrong(form, problem))
            if form.text("protection_check") == STOPPED:
                return page(request, "stopped.html")
            self._await_offers(who, record_id, set(getattr(done, "offered_to", ())))
            return go_to(f"{self.path}/{record_id}")

        return act

    def _await_offers(self, who: Who, record_id: UUID, receivers: set[str]) -> None:
        """What an act offers comes to sharing a moment later: it is waited for, so that the case's page can show it."""
        sharing, until = self._door.services(who).sharing, time.monotonic() + OFFERS_S
        wanted = sharing_pb2.ListOffersRequest(page=common_pb2.Page(page_size=PAGE_SIZE_MAX), record_id=str(record_id))
        while receivers and time.monotonic() < until:
            if receivers <= {row.receiver_kind for row in sharing.ListOffers(wanted).offers}:
                return
            time.sleep(POLL_S)

    def _step_page(self, request: Request, who: Who, step: Step, record_id: UUID, row: Row, said: Sent) -> Response:
        return page(
            request,
            "step.html",
            said.status,
            step=step,
            row=row,
            here=f"{self.path}/{record_id}",
            rows=self._facts(row),
            state=self._state(row),
            may=step.may(who.role, row),
            said=said.about(self._seen(row)),
        )

    def _confirm(self, request: Request, step: Step, record_id: UUID, row: Row, form: Sent) -> Response:
        questions = [*step.questions(row), *(question for group in step.groups(row) for question in group.questions)]
        return page(
            request,
            "confirm.html",
            heading=f"{step.word}?",
            warning=step.warning(form),
            rows=answers(form, questions),
            action=f"{self.path}/{record_id}/{step.code}",
            send=f"Ja, {step.send[:1].lower()}{step.send[1:]}",
            said=form,
        )
