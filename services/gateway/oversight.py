"""The säkerhetschef's pages: look-ups to review and sign off, who told what; the public register of sharing."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as registry
from los.sharing.v1 import sharing_pb2 as pb

from services.gateway.calls import Services
from services.gateway.door import Door, Who
from services.gateway.forms import Filled, Sent, asked
from services.gateway.web import go_to, page
from services.gateway.words import LOOK_UP_JUDGEMENTS, LOOK_UP_OUTCOMES, STATES, choices
from services.kernel.callers import Role
from services.kernel.errors import Conflict, Invalid, NotFound
from services.kernel.reference import reference
from services.kernel.rpc import DEADLINE_S

ROWS = 50
OWN_PURPOSES = {"links": "Öppnade sitt ärende, där andra ärenden om samma visas"}
"""Beside those that a person gives: what a page asks by itself."""
JUDGEMENTS = {"proper": registry.LOOK_UP_JUDGEMENT_PROPER, "improper": registry.LOOK_UP_JUDGEMENT_IMPROPER}


def routes(door: Door) -> APIRouter:
    """The pages of oversight."""
    router, pages = APIRouter(), _Pages(door)
    router.add_api_route("/tillsyn/fragor", pages.look_ups, methods=["GET"])
    router.add_api_route("/tillsyn/fragor/{look_up_id}", pages.review, methods=["POST"])
    router.add_api_route("/tillsyn/utlamnanden", pages.releases, methods=["GET"])
    router.add_api_route("/register", pages.register, methods=["GET"])
    return router


def start(door: Door, request: Request, who: Who) -> Response:  # noqa: ARG001  # as the others
    """The säkerhetschef begins with what waits for a sign-off."""
    return go_to("/tillsyn/fragor")


class _Pages:
    def __init__(self, door: Door) -> None:
        self._door = door

    def look_ups(self, request: Request, efter: str = "", granskade: str = "") -> Response:
        """The questions that somebody has to look at, or has looked at."""
        return self._look_up_page(request, self._door.require(request), efter, Sent(), reviewed=bool(granskade))

    def review(self, request: Request, look_up_id: UUID, form: Filled) -> Response:
        """First what is signed, to confirm; then it is signed, for good."""
        who = self._door.allowed(request, Role, form)
        after, services = form.text("efter"), self._door.services(who)
        try:
            judgement = _judgement(form)
            if not form.text("confirmed"):
                row = next((row for row in _waiting(services, after).look_ups if row.look_up_id == str(look_up_id)), None)
                if row is None:
                    raise NotFound
                names = self._door.names([row.person])
                return page(request, "look_up.html", row=row, names=names, said=form, judgement=LOOK_UP_JUDGEMENTS[judgement], **_words())
            wanted = registry.ReviewLookUpRequest(request_id=form.request_id, look_up_id=str(look_up_id), judgement=judgement)
            asked(lambda: services.registry.ReviewLookUp(wanted))
        except (Invalid, Conflict) as problem:
            return self._look_up_page(request, who, after, form.wrong(problem), reviewed=False)
        return go_to("/tillsyn/fragor")

    def _look_up_page(self, request: Request, who: Who, after: str, said: Sent, *, reviewed: bool) -> Response:
        found = _waiting(self._door.services(who), after, reviewed=reviewed)
        return page(
            request,
            "look_ups.html",
            said.status,
            rows=found.look_ups,
            names=self._door.names(person for row in found.look_ups for person in (row.person, row.reviewed_by)),
            after=after,
            next=found.next_page_token,
            reviewed=reviewed,
            said=said,
            judgements=LOOK_UP_JUDGEMENTS,
            **_words(),
        )

    def releases(self, request: Request, efter: str = "", nekade: str = "") -> Response:
        """Who told, or refused to tell, what kind of thing to whom on which ground."""
        who = self._door.require(request)
        asking = pb.ListReleasesRequest(page=common_pb2.Page(page_size=ROWS, page_token=efter), refused=bool(nekade))
        found = self._door.services(who).sharing.ListReleases(asking)
        words: dict[str, Any] = {
            "refused": bool(nekade),
            "states": STATES,
            "names": self._door.names(row.decided_by for row in found.releases),
        }
        return page(request, "releases.html", rows=found.releases, next=found.next_page_token, **words)

    def register(self, request: Request) -> Response:
        """What the kommun can tell to whom: for anybody, signed in or not."""
        self._door.who(request)
        return page(request, "register.html", found=self._door.public.ListRegister(pb.ListRegisterRequest(), timeout=DEADLINE_S))


def _waiting(services: Services, after: str, *, reviewed: bool = False) -> registry.ListLookUpsResponse:
    asking = registry.ListLookUpsRequest(page=common_pb2.Page(page_size=ROWS, page_token=after), reviewed=reviewed)
    return services.registry.ListLookUps(asking)


def _words() -> dict[str, Any]:
    return {"outcomes": LOOK_UP_OUTCOMES, "purposes": dict(choices(reference().look_up_purposes)) | OWN_PURPOSES}


def _judgement(form: Sent) -> registry.LookUpJudgement.ValueType:
    if form.text("judgement") not in JUDGEMENTS:
        raise Invalid("Välj ett av svaren.")
    return JUDGEMENTS[form.text("judgement")]
