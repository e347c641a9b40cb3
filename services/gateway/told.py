"""Who must or may be told about a case, who has been, and what came back: each receiver once, in plain words.

Sharing says what the law lets; nothing here weighs anything.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp
from los.common.v1 import common_pb2
from los.sharing.v1 import sharing_pb2 as pb
from los.sharing.v1.sharing_pb2_grpc import SharingServiceStub

from services.gateway.door import Who
from services.gateway.law import today
from services.gateway.web import receiver
from services.gateway.words import DECIDES, RECORD_KINDS, ROLES, STATES
from services.kernel.callers import Role
from services.kernel.reference import reference

ROWS = 100
# Who decides; sharing has the rule (sharing-matrix 8), and a test holds this beside it.
DECIDERS: Mapping[str, frozenset[Role]] = {
    "folkbokforing_alert": frozenset({Role.ALERT_OFFICER, Role.FUT_INVESTIGATOR}),
    "suspected_payment": frozenset({Role.FUT_INVESTIGATOR}),
    "police_report": frozenset({Role.FUT_MANAGER}),
    "control_invitation": frozenset({Role.LOS_COORDINATOR}),
    "control_finding": frozenset({Role.INSPECTOR}),
}


class Told(NamedTuple):
    """One receiver: what about, how it stands, why, and what there is to do. `mine`: it waits for whoever looks, who is told `briefly`."""

    receiver: str
    about: str
    stands: str
    why: str
    briefly: str = ""
    path: str = ""
    act: str = ""
    is_duty: bool = False
    mine: bool = False
    since: Timestamp | None = None


def told(sharing: SharingServiceStub, who: Who, record_id: UUID) -> list[Told]:
    """What is offered and what is decided of a record, what waits first."""
    page = common_pb2.Page(page_size=ROWS)
    offers = sharing.ListOffers(pb.ListOffersRequest(page=page, record_id=str(record_id))).offers
    decided = sharing.ListDisclosures(pb.ListDisclosuresRequest(page=page, record_id=str(record_id))).disclosures
    latest = {(offer.record_kind, offer.receiver_kind): offer for offer in offers}
    rows = [row for offer in latest.values() if (row := _offered(sharing, offer, who)) is not None]
    rows += [_decided(row) for row in decided]
    return sorted(rows, key=lambda row: (not row.mine, row.receiver))


def _offered(sharing: SharingServiceStub, offer: pb.OfferRow, who: Who) -> Told | None:
    """An offer that nobody has decided on; None for what a disclosure tells of, or what is no longer offered."""
    to, about = receiver(offer.receiver_kind), RECORD_KINDS.get(offer.record_kind, offer.record_kind)
    if offer.state == pb.OFFER_STATE_WAITING and offer.ground_id:
        is_duty, deciders = offer.kind == "duty", DECIDERS.get(offer.record_kind, frozenset())
        stands = "Ska få veta: det är en skyldighet" if is_duty else "Får få veta, om ni beslutar det"
        if who.role not in deciders:
            by = " eller ".join(ROLES[role].lower() for role in sorted(deciders))
            return Told(to, about, stands, f"{offer.message} Väntar på {by}.", is_duty=is_duty, since=offer.offered_time)
        briefly = f"{to} {'ska' if is_duty else 'får'} få veta ({about.lower()}). Gå igenom vad som skickas, väg och besluta."
        why = f"{offer.message} {DECIDES.get(offer.decision_by, '')}".strip()
        path = f"/erbjudanden/{offer.offer_id}"
        return Told(to, about, stands, why, briefly, path, "Granska och besluta", is_duty, mine=True, since=offer.offered_time)
    if offer.state in {pb.OFFER_STATE_WAITING, pb.OFFER_STATE_NO_GROUND}:
        why = offer.message or why_not(sharing, who.caller.unit or "", offer.record_kind, offer.receiver_kind)
        return Told(to, about, "Får inte veta", why, since=offer.offered_time)
    if offer.state == pb.OFFER_STATE_LAPSED:
        return Told(to, about, "Fick veta, om ni ville: tiden gick ut", "Ingen beslutade medan det gick.", since=offer.offered_time)
    return None


def _decided(row: pb.DisclosureRow) -> Told:
    waits = row.state == pb.DISCLOSURE_STATE_AWAITING_APPROVAL and not row.approval_bar
    to_do = row.obligation or (row.task if row.task_open else "") or row.reminder
    act = "Granska och godkänn" if waits else "Gör det som är kvar" if to_do else "Se vad som lämnades"
    return Told(
        receiver(row.receiver_kind),
        RECORD_KINDS.get(row.record_kind, row.record_kind),
        STATES[row.state],
        to_do,
        f"{receiver(row.receiver_kind)}: {to_do or STATES[row.state]}",
        f"/utlamnanden/{row.disclosure_id}",
        act,
        is_duty=row.task_open or bool(row.obligation),
        mine=waits or bool(to_do),
        since=row.decided_time,
    )


def why_not(sharing: SharingServiceStub, unit: str, record_kind: str, to: str) -> str:
    """Why the law lets this unit tell nothing of this kind to a receiver, in words."""
    return _in_general(sharing, unit, record_kind, to)[1]


def others(sharing: SharingServiceStub, unit: str, record_kind: str, named: Collection[str]) -> list[tuple[str, str, str]]:
    """The agencies that a case does not name: who, whether they may be told of such cases at all, and why or why not."""
    found = []
    for each in reference().receivers:
        if each.agency and each.word not in named:
            stands, why = _in_general(sharing, unit, record_kind, each.code)
            found.append((each.word, stands, why))
    return found


def _in_general(sharing: SharingServiceStub, unit: str, record_kind: str, to: str) -> tuple[str, str]:
    """What the law says of a unit's cases of a kind and a receiver, today: how it stands, and why."""
    held = reference().units[unit].holds.get(record_kind) if unit in reference().units else None
    if held is None:
        return "Får inte veta", ""
    answer = sharing.ExplainGround(
        pb.ExplainGroundRequest(
            record_kind=record_kind,
            sender_kinds=sorted(held.sender_kinds),
            receiver=to,
            on=today().isoformat(),
            secrecy=[] if held.secrecy == "none" else [held.secrecy],
            subject="personnummer",
        )
    )
    if answer.allowed:
        return "Kan få veta, när ärendet är bedömt så", f"{answer.citation}."
    general = [reason.text for reason in answer.reasons if not reason.ground_id]
    return "Får inte veta", " ".join(general or [reason.text for reason in answer.reasons[:1]])
