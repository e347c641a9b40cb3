"""Links and hints as messages, with their evidence in words."""

from collections.abc import Iterable
from typing import Any

from los.registry.v1 import registry_pb2 as pb

from services.kernel.clock import timestamp
from services.kernel.errors import Invalid
from services.kernel.reference import reference
from services.registry.domain.linking import Decision, Evidence, is_same

EVIDENCE = {
    Evidence.SAME_NUMBER: pb.LINK_EVIDENCE_SAME_NUMBER,
    Evidence.SAME_DWELLING: pb.LINK_EVIDENCE_SAME_DWELLING,
    Evidence.SAME_ADDRESS: pb.LINK_EVIDENCE_SAME_ADDRESS,
    Evidence.SAME_FLAT_IN_PROPERTY: pb.LINK_EVIDENCE_SAME_FLAT_IN_PROPERTY,
}
DECISIONS = {pb.LINK_DECISION_CONFIRMED: Decision.CONFIRMED, pb.LINK_DECISION_BROKEN: Decision.BROKEN}
DECISION_MESSAGE = {word: number for number, word in DECISIONS.items()}


def said(request: pb.DecideLinkRequest) -> tuple[Decision, str]:
    """What is decided of a link, and why (a code). Raises Invalid for a reason that is not one for it."""
    decision, row = DECISIONS[request.decision], reference().link_reasons.find(request.reason)
    if row is None or row.confirms is not (decision is Decision.CONFIRMED):
        rows = [row.word for row in reference().link_reasons if row.confirms is (decision is Decision.CONFIRMED)]
        raise Invalid(f"reason: ange ett av skälen: {', '.join(rows)}.")
    return decision, row.code


def etag(found: Any) -> str:  # noqa: ANN401  # a link as the store found it
    """0 until somebody has said something of it."""
    return str(found.said.revision) if found.said else "0"


def link_message(found: Any) -> pb.RecordLink:  # noqa: ANN401
    """A link."""
    message = pb.RecordLink(
        record_kind=found.record_kind,
        record_id=str(found.id),
        evidence=[EVIDENCE[each] for each in found.evidence],
        explanation=_explained(found.evidence),
        is_same=is_same(found.evidence),
        etag=etag(found),
    )
    if found.said:
        message.decision = DECISION_MESSAGE[Decision(found.said.decision)]
        message.reason = found.said.reason
        message.decided_by = found.said.decided_by
        message.decided_time.CopyFrom(timestamp(found.said.decided_time))
    return message


def hint_message(hint: Any) -> pb.LinkHint:  # noqa: ANN401
    """Whom to ask, and about what."""
    about = " och ".join(str(reference().link_evidence[each].hint) for each in hint.evidence)
    explanation = f"{hint.unit} kan ha något som rör {about}. Fråga dem."
    return pb.LinkHint(unit=hint.unit, evidence=[EVIDENCE[each] for each in hint.evidence], explanation=explanation)


def _explained(evidence: Iterable[Evidence]) -> str:
    words = "; ".join(reference().link_evidence[each].word for each in evidence)
    return f"{words[:1].upper()}{words[1:]}." if words else "Ärendena har inget gemensamt nu. En person har bedömt kopplingen."
