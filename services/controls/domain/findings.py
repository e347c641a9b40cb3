"""What a unit finds at a visit, and what is told of it in the second wave (workflows 4.2 and 4.4, sharing-matrix 5.4).

An observation is its unit's own: nobody else reads its text or changes it. Of a deficiency the unit decides, one receiver at a time, that
it is offered to sharing as a `control_finding`, or that there is nothing to tell. What is offered are facts about a company: never the
text, never a person, and nothing at all where the object is an enskild firma or may be somebody's home (sharing-matrix 1.4).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

from services.controls.domain.checklists import FINDING, checklists, inspects
from services.controls.domain.objects import ControlObject
from services.controls.domain.operations import Operation, Outcome
from services.controls.domain.operations import State as OperationState
from services.controls.domain.visits import VisitState
from services.kernel.callers import Role
from services.kernel.cells import written
from services.kernel.clock import STOCKHOLM
from services.kernel.errors import Conflict, ConflictReason, Invalid, NotFound
from services.kernel.identity import require_no_identity_number
from services.kernel.life import Actor, Life, Moved, steps
from services.kernel.reference import reference

RECORD_KIND = "observation"
TEXT_LENGTH_MAX = 1000
BEGUN = frozenset({VisitState.ON_SITE, VisitState.DONE, VisitState.MEASURES_PENDING, VisitState.ABORTED})
"""Where something may have been seen at a visit."""
MATTERS = {"alcohol": "alcohol", "environment": "environment"}
"""Areas that some ground asks for, in sharing's words (sharing-matrix 1.3 step 1)."""


class Severity(StrEnum):
    """How bad a deficiency is."""

    MINOR = "minor"
    SERIOUS = "serious"
    ACUTE = "acute"


class State(StrEnum):
    """Where an observation is."""

    RECORDED = "recorded"
    WITHDRAWN = "withdrawn"


class SecondWave(StrEnum):
    """What has been decided about telling others. Only a deficiency needs a decision."""

    NOT_NEEDED = "not_needed"
    UNDECIDED = "undecided"
    OFFERED = "offered"
    NOTHING = "nothing"


INSPECTORS = frozenset({Role.INSPECTOR})
LIFE: Life[State] = Life(
    steps("change", (State.RECORDED,), State.RECORDED, INSPECTORS),
    steps("withdraw", (State.RECORDED,), State.WITHDRAWN, INSPECTORS),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What an inspector says was seen. The ground and the area are codes of the unit's own checklists."""

    control_ground_id: str
    area: str
    is_deficiency: bool
    severity: Severity | None
    text: str

    @classmethod
    def read(cls, seen: Self, unit: str, today: date) -> Self:
        """What was seen, as it may be kept. Raises Invalid, field first."""
        if not any(item.ground == seen.control_ground_id for row in checklists().of(unit) for item in row.items):
            raise Invalid("control_ground_id: ange en av förvaltningens egna grunder för tillsyn.")
        if not checklists().covers(unit, seen.control_ground_id, seen.area):
            raise Invalid("area: området ingår inte i tillsynen enligt den grunden.")
        if seen.is_deficiency and seen.severity is None:
            raise Invalid("severity: ange hur allvarlig bristen är.")
        if not seen.is_deficiency and seen.severity is not None:
            raise Invalid("severity: bara en brist har en allvarlighet. Lämna fältet tomt.")
        text = written("text", seen.text, TEXT_LENGTH_MAX)
        require_no_identity_number("text", text, today)
        return replace(seen, text=text)

    @property
    def told(self) -> tuple[str, str, bool]:
        """What of it is told; a change of anything else is nobody else's business."""
        return self.control_ground_id, self.area, self.is_deficiency


@dataclass(frozen=True, slots=True)
class Site:
    """A visit as its inspectors meet it. `day` is the Swedish day on which it began, or was to."""

    operation_id: UUID
    visit_id: UUID
    reference: str
    place: ControlObject
    day: date

    @classmethod
    def of(cls, operation: Operation, visit_id: UUID) -> Self:
        """The site of one visit. Raises NotFound when the operation has no such visit."""
        visit = operation.visit(visit_id)
        began = visit.arrived_time or operation.plan.start
        return cls(operation.id, visit.id, operation.label, visit.object.object, began.astimezone(STOCKHOLM).date())

    @classmethod
    def inspected(cls, operation: Operation, visit_id: UUID, unit: str) -> Self:
        """The site as a unit inspects it. Raises NotFound unless it takes part on its own ground."""
        if not inspects(operation, unit):
            raise NotFound
        return cls.of(operation, visit_id)


def require_begun(operation: Operation, visit_id: UUID) -> None:
    """Raises Conflict unless somebody has been on site, and the operation is not closed: there is nothing to record."""
    if operation.state is OperationState.CLOSED or operation.visit(visit_id).state not in BEGUN:
        raise Conflict("visit_id: besöket har inte börjat, eller är avslutat.")


@dataclass(frozen=True, slots=True)
class FindingOffer:
    """What sharing has been asked to tell one receiver. `matter` is in sharing's words, or empty."""

    receiver_kind: str
    revision: int = 1
    withdrawn: bool = False
    on_request: bool = False
    matter: str = ""
    outcome: Outcome = Outcome.NOTHING

    @property
    def after(self) -> Self:
        """The next revision of it."""
        return replace(self, revision=self.revision + 1)


@dataclass(frozen=True, slots=True)
class Observation:
    """An observation of one unit at one visit. `observed_date` is the Swedish day on which the visit began."""

    id: UUID
    operation_id: UUID
    visit_id: UUID
    unit: str
    observed_date: date
    seen: Seen
    recorded_time: datetime
    recorded_by: str
    state: State = State.RECORDED
    revision: int = 1
    offers: tuple[FindingOffer, ...] = ()
    nothing_by: str = ""
    nothing_time: datetime | None = None

    def require_etag(self, etag: str) -> None:
        """Raises Conflict ETAG when somebody has changed the observation since it was read."""
        if etag != str(self.revision):
            raise Conflict("etag: iakttagelsen har ändrats sedan du läste den. Hämta den igen.", reason=ConflictReason.ETAG)

    @property
    def standing(self) -> tuple[FindingOffer, ...]:
        """The offers that hold."""
        return tuple(offer for offer in self.offers if not offer.withdrawn)

    @property
    def second_wave(self) -> SecondWave:
        """What has been decided about telling others."""
        if self.state is State.WITHDRAWN or not self.seen.is_deficiency:
            return SecondWave.NOT_NEEDED
        if self.standing:
            return SecondWave.OFFERED
        return SecondWave.NOTHING if self.nothing_time else SecondWave.UNDECIDED

    def changed(self, seen: Seen, place: ControlObject, actor: Actor) -> Moved[Self]:
        """What was seen is put right. An offer whose facts change is made again, or withdrawn when there is nothing left to tell."""
        path = LIFE.walk("change", (self.state, State.RECORDED), self, seen, actor)
        after = self._next(seen=seen)
        if seen.told == self.seen.told:
            return Moved(after, path)
        tells = after.untellable(place) is None
        again = (replace(offer.after, withdrawn=not tells, matter=_kept_matter(offer, seen.area)) for offer in self.standing)
        return Moved(after.with_offers(again).without_nothing(), path)

    def withdrawn(self, actor: Actor) -> Moved[Self]:
        """It was recorded wrongly: every offer of it is withdrawn."""
        path = LIFE.walk("withdraw", (self.state, State.WITHDRAWN), self, None, actor)
        return Moved(self._next(state=State.WITHDRAWN).with_offers(replace(offer.after, withdrawn=True) for offer in self.standing), path)

    def untellable(self, place: ControlObject) -> Conflict | None:
        """Why it is told to nobody, or None."""
        if self.state is State.WITHDRAWN:
            return Conflict("state: iakttagelsen är återtagen.")
        if not self.seen.is_deficiency:
            return Conflict("is_deficiency: bara en brist kan erbjudas någon.")
        if self.seen.area not in reference().findings:
            return Conflict("area: det området berättas inte för någon annan.")
        if place.may_be_a_home:
            return Conflict("object: utan ett bolag på platsen kan det vara någons hem. Iakttagelsen erbjuds ingen.")
        return None

    def offered(self, receiver_kind: str, place: ControlObject, *, on_request: bool, offence: bool) -> Moved[Self]:
        """It is offered to one receiver. `on_request`: the receiver asked; `offence`: it is one against miljöbalken.

        Raises Invalid or Conflict, field first. Whether the law lets it go is sharing's question, and a person's.
        """
        untellable = self.untellable(place)
        if untellable is not None:
            raise untellable
        if receiver_kind not in receivers():
            raise Invalid("receiver_kind: iakttagelser lämnas inte till den mottagaren.")
        if offence and self.seen.area != "environment":
            raise Invalid("offence_suspected: det gäller bara brott mot miljöbalken.")
        before = next((offer for offer in self.offers if offer.receiver_kind == receiver_kind), None)
        if before is not None and not before.withdrawn:
            raise Conflict("receiver_kind: iakttagelsen är redan erbjuden den mottagaren.", reason=ConflictReason.DUPLICATE)
        matter = MATTERS.get(self.seen.area, "") if self.seen.area != "environment" or offence else ""
        new = FindingOffer(receiver_kind, 1 if before is None else before.revision + 1, on_request=on_request, matter=matter)
        return Moved(self._next().with_offers([new]).without_nothing())

    def taken_back(self, receiver_kind: str) -> Moved[Self]:
        """One offer is withdrawn. Raises NotFound when there is none."""
        before = next((offer for offer in self.standing if offer.receiver_kind == receiver_kind), None)
        if before is None:
            raise NotFound
        return Moved(self._next().with_offers([replace(before.after, withdrawn=True)]))

    def nothing_to_tell(self, actor: Actor) -> Moved[Self]:
        """The unit has decided that nobody needs to know. Raises Conflict when it is no question, or somebody is told."""
        if self.second_wave is not SecondWave.UNDECIDED:
            raise Conflict("second_wave: det är redan avgjort, eller så är iakttagelsen ingen brist.")
        return Moved(replace(self._next(), nothing_by=actor.person, nothing_time=actor.now))

    def with_outcome(self, receiver_kind: str, outcome: Outcome) -> Self:
        """What a receiver did with it; never goes back. No new revision: it changes nothing that an inspector decides from."""
        heard = (offer for offer in self.offers if offer.receiver_kind == receiver_kind)
        return self.with_offers(replace(offer, outcome=max(offer.outcome, outcome)) for offer in heard)

    def with_offers(self, changed: Iterable[FindingOffer]) -> Self:
        """With these offers in place of earlier ones to the same receiver."""
        by_receiver = {offer.receiver_kind: offer for offer in (*self.offers, *changed)}
        return replace(self, offers=tuple(by_receiver.values()))

    def without_nothing(self) -> Self:
        """The decision that there is nothing to tell no longer holds."""
        return replace(self, nothing_by="", nothing_time=None)

    def _next(self, **fields: object) -> Self:
        return replace(self, revision=self.revision + 1, **fields)  # type: ignore[arg-type]  # names are checked by the calls above


def receivers() -> frozenset[str]:
    """The receiver kinds that a finding may be offered to (sharing-matrix 3)."""
    return frozenset(agency.receivers[FINDING] for agency in reference().agencies if FINDING in agency.receivers)


def _kept_matter(offer: FindingOffer, area: str) -> str:
    return offer.matter if MATTERS.get(area) == offer.matter else ""
