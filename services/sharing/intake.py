"""What an agency tells the kommun unasked: what may be taken in, and which unit's inbox it lands in.

A notice is taken in when the law binds that agency to tell the nämnd that decides the benefit (lag 2008:206 2-3 §§); what is unknown is
refused with a code, and nothing of it is kept. Nothing is answered: the kommun has no ground to.
"""

from datetime import date, datetime

from services.kernel.clock import STOCKHOLM
from services.kernel.db import Row, Transaction
from services.kernel.errors import Invalid
from services.kernel.identity import IdentityNumber
from services.kernel.ids import new_id
from services.kernel.records import record_step
from services.kernel.reference import reference
from services.sharing.domain import NOTICE, READABLE, InboundState
from services.sharing.legal import Ground, Law
from services.sharing.sealing import Notice, NoticeWithdrawn, Reply
from services.sharing.store import Store, tables

DECIDING = "kommun-beslutande-namnd"


def take_in(tx: Transaction, store: Store, law: Law, answer: Reply, body: Notice | NoticeWithdrawn, now: datetime) -> None:
    """Put a notice in the inbox of the unit that decides the benefit, or take one back. Raises Invalid with a code."""
    earlier = store.latest_notice(tx, body.receiver_kind, body.notice_id)
    if earlier is not None and body.time <= earlier.said_time:
        raise _refused("NOTICE_OUTDATED")
    if isinstance(body, NoticeWithdrawn):
        if earlier is None:
            raise _refused("NOTICE_UNKNOWN")
        _close(tx, store, earlier, InboundState.WITHDRAWN, now, said_time=body.time)
        return
    today = now.astimezone(STOCKHOLM).date()
    unit, ground, person = _unit(body), duty_to_tell(law, body.basis_id, body.receiver_kind, today), _person(body, today)
    if earlier is not None:
        _close(tx, store, earlier, InboundState.REPLACED, now)
    inbound_id = new_id()
    store.add_inbound(
        tx,
        inbound_id,
        person.digits,
        body.model_dump(
            mode="json", by_alias=True, include={"subject", "period_from", "period_to", "causes", "reference", "function_mailbox"}
        ),
        notice_id=body.notice_id,
        agency=answer.agency,
        receiver_kind=body.receiver_kind,
        type=answer.type,
        scheme=body.scheme,
        unit=unit,
        ground_id=ground.id,
        ground_digest=ground.digest,
        said_time=body.time,
        received_time=now,
        last_time=now,
    )
    record_step(tx, tables.history, NOTICE, inbound_id, 1, (None, InboundState.NEW), now, None)


def duty_to_tell(law: Law, basis_id: str, agency_kind: str, on: date) -> Ground:
    """The ground that binds this agency to tell the nämnd that decided a benefit. Raises Invalid when it is none."""
    ground = law.grounds.get(basis_id)
    if ground is None or ground.kind != "duty" or DECIDING not in ground.receivers or agency_kind not in ground.sender_kinds:
        raise _refused("GROUND_UNKNOWN")
    if not ground.effective_from <= on <= (ground.effective_to or date.max):
        raise _refused("GROUND_NOT_IN_FORCE")
    return ground


def _unit(notice: Notice) -> str:
    """The unit whose nämnd decides the benefit; a scheme of which that is not known is nobody's to read."""
    known = reference()
    unit = known.schemes[notice.scheme].decided_by if notice.scheme in known.schemes else None
    if unit is None:
        raise _refused("SCHEME_UNKNOWN")
    if any(cause.code not in known.causes for cause in notice.causes):
        raise _refused("CAUSE_UNKNOWN")
    return unit


def _person(notice: Notice, today: date) -> IdentityNumber:
    """Whom it is about: a number that exists, of the kind that is said, of somebody who is not a child (hs-09)."""
    subject = notice.subject
    try:
        number = IdentityNumber.parse(subject.coordination_number or subject.personal_identity_number or "", today)
    except Invalid:
        raise _refused("SUBJECT_INVALID") from None
    if number.is_coordination != (subject.coordination_number is not None):
        raise _refused("SUBJECT_INVALID")
    if not number.is_adult(today):
        raise _refused("SUBJECT_CHILD")
    return number


def _close(tx: Transaction, store: Store, row: Row, state: InboundState, now: datetime, **columns: object) -> None:
    """The agency says something else now. What it said stays sealed until gallring (arkivlagen 10 §), and nobody reads it any more."""
    before = row.state
    if before in READABLE:
        store.move_inbound(tx, row, state, now, **columns)
        record_step(tx, tables.history, NOTICE, row.id, 1, (before, state), now, None)


def _refused(code: str) -> Invalid:
    return Invalid(f"underrättelse: den kan inte tas emot ({code}).", reason=code)
