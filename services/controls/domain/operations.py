"""An operation: one LOS verksamhetskontroll with visits to objects and the authorities that are invited to it.

Each authority acts under its own law (workflows 3, rule 1): it answers for itself, names its own ground, and learns where and whom only
after a yes. Values are frozen; every change gives a new operation with the next revision.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Self
from uuid import UUID

from services.controls.domain.objects import StoredObject
from services.kernel.cells import written
from services.kernel.clock import STOCKHOLM
from services.kernel.errors import Conflict, ConflictReason, Invalid, NotFound
from services.kernel.identity import holds_identity_number
from services.kernel.reference import ControlGround, reference

RECORD_KIND = "control_invitation"
SUPERVISION = "kommun-tillsynsnamnd"
POLICE = "polismyndigheten"
VISITS_MAX = 20
TEXT_LENGTH_MAX = 100
LABEL = re.compile(r"LOS-\d{4}-\d{1,4}")
CODE = re.compile(r"[\w-]*")

# Authorities on the list of `los-inbjudan-oppna-uppgifter` that no topic reaches: they answer another way, and the coordinator enters
# it by hand (sharing-matrix 5.3, inv-other).
WITHOUT_CHANNEL = frozenset({"arbetsmiljoverket", "arbetsformedlingen", "migrationsverket", "raddningstjanst", SUPERVISION})


class State(StrEnum):
    """Where an operation is."""

    DRAFT = "draft"
    PLANNED = "planned"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"


NEXT: Mapping[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.PLANNED, State.CANCELLED}),
    State.PLANNED: frozenset({State.CONFIRMED, State.CANCELLED}),
    State.CONFIRMED: frozenset({State.CANCELLED}),
    State.CANCELLED: frozenset(),
}

STATE_WORDS: Mapping[State, str] = {
    State.DRAFT: "ett utkast",
    State.PLANNED: "planerad",
    State.CONFIRMED: "bekräftad",
    State.CANCELLED: "inställd",
}


class Answer(StrEnum):
    """What an authority answered."""

    ACCEPTED = "accepted"
    DECLINED = "declined"


class Part(StrEnum):
    """What an authority takes part in."""

    ON_SITE = "on_site"
    PLANNING_ONLY = "planning_only"
    FOLLOW_UP_ONLY = "follow_up_only"


class Outcome(IntEnum):
    """How far a disclosure has come at the receiver; never goes back."""

    NOTHING = 0
    SENT = 1
    RECEIVED = 2
    REFUSED = 3
    OPENED = 4
    NO_ACTION = 5
    ACTION = 6
    CLOSED = 7
    VOID = 8
    CARRIED_OUT = 9
    CORRECTION_DUE = 10
    CORRECTED = 11
    RECALL_DUE = 12
    RECALLED = 13


# Where one visit has come to this, somebody must look, however well the others went.
STANDS_OUT = frozenset({Outcome.REFUSED, Outcome.VOID, Outcome.CORRECTION_DUE, Outcome.RECALL_DUE})


class Step(StrEnum):
    """The two steps of sharing-matrix 5.3: the open facts to those asked, the plan to those who said yes with an own ground."""

    INVITATION = "invitation"
    PLAN = "plan"


@dataclass(frozen=True, slots=True)
class Reply:
    """An authority's own answer. The ground is one of the control grounds, empty unless it comes along on site."""

    answer: Answer
    part: Part | None = None
    control_ground_id: str = ""
    function_mailbox: str = ""

    @property
    def opens_plan(self) -> bool:
        """Whether the plan may be told: yes, on site, with an own ground."""
        return self.answer is Answer.ACCEPTED and self.part is Part.ON_SITE and bool(self.control_ground_id)


@dataclass(frozen=True, slots=True)
class Participation:
    """One invited authority. Without a reply it has not answered; `remark` is Swedish, why an answer was not taken as it came.

    `said_time` is when it last answered over the bus, by its own clock.
    """

    receiver_kind: str
    reply: Reply | None = None
    remark: str = ""
    said_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """One object of the operation."""

    id: UUID
    position: int
    object: StoredObject


@dataclass(frozen=True, slots=True)
class Offer:
    """What sharing has been asked to tell one authority. `record_id` is the operation (invitation) or a visit (plan)."""

    step: Step
    record_id: UUID
    receiver_kind: str
    revision: int = 1
    withdrawn: bool = False
    outcome: Outcome = Outcome.NOTHING

    @property
    def key(self) -> tuple[UUID, str]:
        """What the offer is about and to whom: one revision follows the other."""
        return self.record_id, self.receiver_kind


@dataclass(frozen=True, slots=True)
class Plan:
    """What is secret of an operation until it is over (OSL 17:1)."""

    purpose: str
    start: datetime
    end: datetime
    assembly_point: str = ""
    safety_code: str = ""
    override_reason: str = ""
    """Why it was confirmed before everybody had answered."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A verksamhetskontroll of one unit. `own_control_ground_id` is the kommun's ground for its own inspection, or empty."""

    id: UUID
    unit: str
    label: str
    plan: Plan
    own_control_ground_id: str = ""
    state: State = State.DRAFT
    revision: int = 1
    visits: tuple[Visit, ...] = ()
    participations: tuple[Participation, ...] = ()
    offers: tuple[Offer, ...] = ()

    @classmethod
    def drafted(cls, operation_id: UUID, unit: str, label: str, plan: Plan, own_control_ground_id: str, now: datetime) -> Self:
        """A new operation. Raises Invalid, field first."""
        if not LABEL.fullmatch(label):  # it travels with the open facts, so it must not be able to name a place or a person
            raise Invalid("label: skriv insatsens nummer som LOS-2026-07.")
        purpose = written("purpose", plan.purpose, TEXT_LENGTH_MAX)
        assembly_point = written("assembly_point", plan.assembly_point, TEXT_LENGTH_MAX)
        for name, text in (("purpose", purpose), ("assembly_point", assembly_point)):
            if holds_identity_number(text, now.astimezone(STOCKHOLM).date()):
                raise Invalid(f"{name}: skriv inga personnummer här.")
        if not purpose:
            raise Invalid("purpose: uppgiften saknas.")
        if not CODE.fullmatch(plan.safety_code):
            raise Invalid("safety_code: skriv en kod utan mellanslag, som normal.")
        if plan.start < now:
            raise Invalid("planned_start: tiden har redan varit.")
        if plan.end <= plan.start:
            raise Invalid("planned_end: sluttiden måste ligga efter starttiden.")
        _require_own_ground(unit, own_control_ground_id)
        return cls(operation_id, unit, label, replace(plan, purpose=purpose, assembly_point=assembly_point), own_control_ground_id)

    @property
    def etag(self) -> str:
        """Names this revision; a change names the one it was made from."""
        return str(self.revision)

    def require_etag(self, etag: str) -> None:
        """Raises Conflict ETAG when somebody has changed the operation since it was read."""
        if etag != self.etag:
            raise Conflict("etag: insatsen har ändrats sedan du såg den. Hämta den igen.", reason=ConflictReason.ETAG)

    def participation(self, receiver_kind: str) -> Participation:
        """The invited authority. Raises NotFound."""
        for participation in self.participations:
            if participation.receiver_kind == receiver_kind:
                return participation
        raise NotFound

    def outcome(self, receiver_kind: str, step: Step) -> Outcome:
        """How far the step has come at an authority: as far as the visit that has come the shortest, or what stands out of any."""
        asked = (offer for offer in self.offers if offer.receiver_kind == receiver_kind and offer.step is step)
        outcomes = [offer.outcome for offer in asked if not offer.withdrawn]
        return max(STANDS_OUT.intersection(outcomes), default=min(outcomes, default=Outcome.NOTHING))

    def with_visit(self, visit_id: UUID, stored: StoredObject) -> Self:
        """One more object to visit. Raises Conflict when the plan is already told, Invalid when there is no room or it is there."""
        self._require(State.DRAFT, State.PLANNED)
        if len(self.visits) >= VISITS_MAX:
            raise Invalid(f"object_id: en insats har högst {VISITS_MAX} besök.")
        if any(visit.object.id == stored.id for visit in self.visits):
            raise Conflict("object_id: objektet finns redan i insatsen.", reason=ConflictReason.DUPLICATE)
        return self._changed(visits=(*self.visits, Visit(visit_id, len(self.visits) + 1, stored)))

    def with_invitation(self, receiver_kind: str) -> Self:
        """One more invited authority; the first one makes the draft planned: an object, a date, and two who take part.

        Each participant's ground comes with its own answer, so it is not asked for here (sharing-matrix 5.3 over workflows 4.1).
        """
        self._require(State.DRAFT, State.PLANNED)
        if receiver_kind not in invitable():
            raise Invalid("receiver_kind: den myndigheten kan inte bjudas in till en verksamhetskontroll.")
        if not self.visits:
            raise Conflict("visits: lägg till minst ett objekt innan någon bjuds in.")
        if any(participation.receiver_kind == receiver_kind for participation in self.participations):
            raise Conflict("receiver_kind: myndigheten är redan inbjuden.", reason=ConflictReason.DUPLICATE)
        return self._changed(state=State.PLANNED, participations=(*self.participations, Participation(receiver_kind)))

    def answered(self, receiver_kind: str, reply: Reply) -> Self:
        """An authority has answered, or changed its answer. Raises Invalid when the answer cannot be taken (hs-04).

        After a no nothing more is told; on site takes an own control ground, planning and follow-up take none.
        """
        self._require(State.PLANNED, State.CONFIRMED)
        before = self.participation(receiver_kind)
        if reply.answer is Answer.DECLINED:
            taken = Reply(Answer.DECLINED, function_mailbox=reply.function_mailbox)
        elif reply.part is None:
            raise Invalid("role: ange om myndigheten deltar på plats, i planeringen eller i uppföljningen.")
        elif reply.part is not Part.ON_SITE:
            taken = replace(reply, control_ground_id="")
        elif not _supports(receiver_kind, reply.control_ground_id):
            word = reference().receivers[receiver_kind].word
            raise Invalid(
                f"control_ground_id: {word} kan inte delta på plats utan egen rättslig grund. "
                f"Be {word} ange sin grund eller ändra rollen till planering."
            )
        else:
            taken = reply
        told = any(offer.step is Step.PLAN and offer.receiver_kind == receiver_kind and not offer.withdrawn for offer in self.offers)
        remark = "Planen är återkallad eftersom svaret ändrades." if told and not taken.opens_plan else ""
        return self._with_participation(replace(before, reply=taken, remark=remark))

    def heard(self, receiver_kind: str, said: datetime) -> Self:
        """An answer that the authority gave at `said` is to be taken. Raises Conflict when a later one is known.

        Answers to the invitation and to a plan come on keys of their own, so they may overtake each other; the last word counts.
        """
        before = self.participation(receiver_kind)
        if before.said_time is not None and said < before.said_time:
            raise Conflict("said_time: myndigheten har svarat senare än så.")
        return replace(self, participations=tuple(replace(one, said_time=said) if one is before else one for one in self.participations))

    def not_taken(self, receiver_kind: str, remark: str) -> Self:
        """An answer came that could not be taken: the authority counts as not having answered, and the coordinator sees why."""
        self._require(State.PLANNED, State.CONFIRMED)
        return self._with_participation(replace(self.participation(receiver_kind), reply=None, remark=remark))

    def confirmed(self, override_reason: str) -> Self:
        """The operation will take place. Raises Conflict while somebody has not answered and no reason is given to go on."""
        self._require_step_to(State.CONFIRMED)
        if any(participation.reply is None for participation in self.participations) and not override_reason.strip():
            raise Conflict("override_reason: alla inbjudna har inte svarat. Vänta, eller skriv varför insatsen bekräftas ändå.")
        return self._changed(state=State.CONFIRMED, plan=replace(self.plan, override_reason=override_reason.strip()))

    def cancelled(self) -> Self:
        """The operation will not take place. Raises Conflict when it is cancelled already."""
        self._require_step_to(State.CANCELLED)
        return self._changed(state=State.CANCELLED)

    def with_offers(self, changed: Iterable[Offer]) -> Self:
        """The operation with these offers in place of earlier ones of the same key; no new revision."""
        return replace(self, offers=tuple(({offer.key: offer for offer in self.offers} | {offer.key: offer for offer in changed}).values()))

    def with_outcome(self, key: tuple[UUID, str], outcome: Outcome) -> Self:
        """What a receiver did with one offer. No new revision: it changes nothing that a coordinator decides from."""
        return self.with_offers(replace(offer, outcome=max(offer.outcome, outcome)) for offer in self.offers if offer.key == key)

    def _require_step_to(self, state: State) -> None:
        self._require(*(before for before, after in NEXT.items() if state in after))

    def _require(self, *states: State) -> None:
        if self.state not in states:
            raise Conflict(f"state: insatsen är {STATE_WORDS[self.state]}, så det går inte.")

    def _with_participation(self, changed: Participation) -> Self:
        return self._changed(
            participations=tuple(
                changed if participation.receiver_kind == changed.receiver_kind else participation for participation in self.participations
            )
        )

    def _changed(self, **fields: object) -> Self:
        return replace(self, revision=self.revision + 1, **fields)  # type: ignore[arg-type]  # names are checked by the calls above


def invitable() -> frozenset[str]:
    """The receiver kinds that may be invited (sharing-matrix 5.3)."""
    over_the_bus = (agency.receivers.get(RECORD_KIND) for agency in reference().agencies)
    return WITHOUT_CHANNEL | {kind for kind in over_the_bus if kind is not None}


def answers_by_hand(receiver_kind: str) -> bool:
    """Whether the coordinator may enter this authority's answer: nobody fills it in for one that can answer itself (hs-05)."""
    return receiver_kind in WITHOUT_CHANNEL


def _supports(receiver_kind: str, control_ground_id: str) -> bool:
    """Whether the ground is that authority's own. Polisen may also name the statute under which its help was asked (inv-pol)."""
    grounds = reference().control_grounds
    if control_ground_id not in grounds:
        return False
    ground = grounds[control_ground_id]
    return ground.authority_kind == receiver_kind or (receiver_kind == POLICE and _gives_police_help(ground))


def _gives_police_help(ground: ControlGround) -> bool:
    return bool(re.match(r"\d+:\d+", ground.police_help))


def _require_own_ground(unit: str, control_ground_id: str) -> None:
    """A unit inspects only on its own ground, and only a supervising nämnd has one (sharing-matrix 2)."""
    if not control_ground_id:
        return
    grounds, holding = reference().control_grounds, reference().units[unit].holds.get(RECORD_KIND)
    if control_ground_id not in grounds or grounds[control_ground_id].authority_kind != SUPERVISION:
        raise Invalid("own_control_ground_id: ange en av kommunens egna grunder för tillsyn.")
    if holding is None or SUPERVISION not in holding.sender_kinds:
        raise Invalid("own_control_ground_id: förvaltningen samordnar men har ingen egen tillsyn. Lämna fältet tomt.")
