"""An operation: one LOS verksamhetskontroll with visits to objects and the authorities that are invited to it.

Each authority acts under its own law (workflows 3, rule 1): it answers for itself, names its own ground, and learns where and whom only
after a yes. Values are frozen; every change gives a new operation with the next revision.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import IntEnum, StrEnum
from typing import Self
from uuid import UUID

from services.controls.domain.objects import StoredObject
from services.controls.domain.parties import invitable, require_own_ground, supports, word_of
from services.controls.domain.plan import Plan, sound_plan
from services.controls.domain.visits import Visit
from services.kernel.errors import Conflict, ConflictReason, Invalid, NotFound

VISITS_MAX = 20
LABEL = re.compile(r"LOS-\d{4}-\d{1,4}")


class State(StrEnum):
    """Where an operation is (workflows 4.1)."""

    DRAFT = "draft"
    PLANNED = "planned"
    CONFIRMED = "confirmed"
    BRIEFED = "briefed"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    REPORTED = "reported"
    FOLLOWED_UP = "followed_up"
    CLOSED = "closed"
    POSTPONED = "postponed"
    CANCELLED = "cancelled"


STATE_WORDS: Mapping[State, str] = {
    State.DRAFT: "ett utkast",
    State.PLANNED: "planerad",
    State.CONFIRMED: "bekräftad",
    State.BRIEFED: "genomgången",
    State.IN_PROGRESS: "påbörjad",
    State.COMPLETED: "genomförd",
    State.REPORTED: "återrapporterad",
    State.FOLLOWED_UP: "uppföljd",
    State.CLOSED: "avslutad",
    State.POSTPONED: "uppskjuten",
    State.CANCELLED: "inställd",
}
OVER = frozenset({State.COMPLETED, State.REPORTED, State.FOLLOWED_UP, State.CLOSED, State.CANCELLED})
"""When the day is secret no longer."""
_PLANNABLE = (State.DRAFT, State.PLANNED, State.POSTPONED)
_ANSWERABLE = (State.PLANNED, State.CONFIRMED, State.BRIEFED)


ASKED_AGAIN = "Dagarna är ändrade, och det som svarades förut gäller inte. Besluta den ändrade inbjudan, eller fråga igen."


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
    """One invited authority. Without a reply it has not answered.

    `remark` is Swedish, why an answer was not taken as it came, or is asked for again. `said_time` is when it last answered over the bus,
    by its own clock.
    """

    receiver_kind: str
    reply: Reply | None = None
    remark: str = ""
    said_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """What one participant tells after the day: the areas where it found deficiencies; none, nothing to report. No text, no persons.

    `party` is a unit of the kommun, whose inspector delivered it, or a receiver kind; then `told_by` says who there told it, on which day.
    """

    party: str
    areas: tuple[str, ...]
    delivered_by: str
    delivered_time: datetime
    told_by: str = ""
    told_date: date | None = None


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
    summaries: tuple[Summary, ...] = ()
    completed_time: datetime | None = None

    @classmethod
    def drafted(cls, operation_id: UUID, unit: str, label: str, plan: Plan, own_control_ground_id: str, now: datetime) -> Self:
        """A new operation. Raises Invalid, field first."""
        if not LABEL.fullmatch(label):  # it travels with the open facts, so it must not be able to name a place or a person
            raise Invalid("label: skriv insatsens nummer som LOS-2026-07.")
        sound = sound_plan(plan, now)
        require_own_ground(unit, own_control_ground_id)
        return cls(operation_id, unit, label, sound, own_control_ground_id)

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

    @property
    def participants(self) -> int:
        """How many may take part: the unit itself, when it has a ground, and those invited that have not said no."""
        invited = (one for one in self.participations if one.reply is None or one.reply.answer is Answer.ACCEPTED)
        return bool(self.own_control_ground_id) + sum(1 for _ in invited)

    def visit(self, visit_id: UUID) -> Visit:
        """The visit. Raises NotFound."""
        for visit in self.visits:
            if visit.id == visit_id:
                return visit
        raise NotFound

    def with_visit(self, visit_id: UUID, stored: StoredObject) -> Self:
        """One more object to visit. Raises Conflict when the plan is already told, Invalid when there is no room or it is there.

        On the day itself only an object where nobody opened, or that had to be left, is visited again.
        """
        same = [visit for visit in self.visits if visit.object.id == stored.id]
        missed = bool(same) and all(visit.state.is_missed for visit in same)
        self._require(*_PLANNABLE, *([State.IN_PROGRESS] if missed else []))
        if len(self.visits) >= VISITS_MAX:
            raise Invalid(f"object_id: en insats har högst {VISITS_MAX} besök.")
        if same and not missed:
            raise Conflict("object_id: objektet finns redan i insatsen.", reason=ConflictReason.DUPLICATE)
        position = max((visit.position for visit in self.visits), default=0) + 1
        return self.changed(visits=(*self.visits, Visit(visit_id, position, stored, again=missed)))

    def without_visit(self, visit_id: UUID) -> Self:
        """One object less. Raises Conflict when its plan has been offered to anybody, or it is the last one of a planned operation."""
        self._require(*_PLANNABLE)
        removed = self.visit(visit_id)
        if any(offer.record_id == visit_id for offer in self.offers):
            raise Conflict("visit_id: planen för besöket har redan lämnats ut.")
        if self.state is State.PLANNED and len(self.visits) == 1:
            raise Conflict("visit_id: en planerad insats har minst ett besök. Ställ in den i stället.")
        return self.changed(visits=tuple(visit for visit in self.visits if visit is not removed))

    def with_invitation(self, party: str) -> Self:
        """One more invited: a receiver kind, or another unit of the kommun that has supervision.

        Each participant's ground comes with its own answer, so it is not asked for here (sharing-matrix 5.3 over workflows 4.1).
        """
        self._require(*_PLANNABLE)
        if party not in invitable() or party == self.unit:
            raise Invalid("receiver_kind: den myndigheten kan inte bjudas in till en verksamhetskontroll.")
        if not self.visits:
            raise Conflict("visits: lägg till minst ett objekt innan någon bjuds in.")
        if any(participation.receiver_kind == party for participation in self.participations):
            raise Conflict("receiver_kind: myndigheten är redan inbjuden.", reason=ConflictReason.DUPLICATE)
        return self.changed(participations=(*self.participations, Participation(party)))

    def answered(self, receiver_kind: str, reply: Reply) -> Self:
        """An authority has answered, or changed its answer. Raises Invalid when the answer cannot be taken (hs-04).

        After a no nothing more is told; on site takes an own control ground, planning and follow-up take none.
        """
        self._require(*_ANSWERABLE)
        before = self.participation(receiver_kind)
        if reply.answer is Answer.DECLINED:
            taken = Reply(Answer.DECLINED, function_mailbox=reply.function_mailbox)
        elif reply.part is None:
            raise Invalid("role: ange om myndigheten deltar på plats, i planeringen eller i uppföljningen.")
        elif reply.part is not Part.ON_SITE:
            taken = replace(reply, control_ground_id="")
        elif not supports(receiver_kind, reply.control_ground_id):
            word = word_of(receiver_kind)
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
        self._require(*_ANSWERABLE)
        return self._with_participation(replace(self.participation(receiver_kind), reply=None, remark=remark))

    def asked_again(self, now: datetime) -> Self:
        """Nobody has answered for the new days; what was said before now is about the old ones. No new revision."""
        remark = "" if self.state is State.DRAFT else ASKED_AGAIN  # a draft has asked nobody
        unanswered = (replace(one, reply=None, remark=remark, said_time=now) for one in self.participations)
        return replace(self, participations=tuple(unanswered))

    def with_seen(self, visit: Visit) -> Self:
        """The operation with a visit that has come further. No new revision: a visit has its own."""
        return replace(self, visits=tuple(visit if one.id == visit.id else one for one in self.visits))

    def with_offers(self, changed: Iterable[Offer]) -> Self:
        """The operation with these offers in place of earlier ones of the same key; no new revision."""
        return replace(self, offers=tuple(({offer.key: offer for offer in self.offers} | {offer.key: offer for offer in changed}).values()))

    def with_outcome(self, key: tuple[UUID, str], outcome: Outcome) -> Self:
        """What a receiver did with one offer. No new revision: it changes nothing that a coordinator decides from."""
        return self.with_offers(replace(offer, outcome=max(offer.outcome, outcome)) for offer in self.offers if offer.key == key)

    def _require(self, *states: State) -> None:
        if self.state not in states:
            raise Conflict(f"state: insatsen är {STATE_WORDS[self.state]}, så det går inte.")

    def _with_participation(self, changed: Participation) -> Self:
        return self.changed(
            participations=tuple(
                changed if participation.receiver_kind == changed.receiver_kind else participation for participation in self.participations
            )
        )

    def changed(self, **fields: object) -> Self:
        """The next revision."""
        return replace(self, revision=self.revision + 1, **fields)  # type: ignore[arg-type]  # names are checked by the calls above
