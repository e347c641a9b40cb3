"""The reference partner: keeps every record that has content, and answers invitations as it was told to.

What it answers by itself is for demonstration; a real agency puts a person there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from partner import feedback, inbox
from partner.database import Database
from partner.envelope import Opened
from partner.feedback import InvitationAnswer, Reply, Role
from partner.kit import Kit

DEMO_ANSWERS: Mapping[str, tuple[Role, str | None]] = {
    "polisen": (Role.ON_SITE, "polis"),
    "skatteverket": (Role.ON_SITE, "skv-kontrollbesok-personalliggare"),
    "kronofogden": (Role.ON_SITE, "kfm-forrattning"),
    "forsakringskassan": (Role.PLANNING_ONLY, None),
}
"""Role and own control ground (legal-bases, control_grounds) of each agency that says yes in the demonstration.

None of the control grounds is Försäkringskassan's, so it never takes part on site.
"""


def demo_answer(agency: str) -> InvitationAnswer:
    """The answer of the demonstration; no, for an agency that is not in it."""
    role, control_ground_id = DEMO_ANSWERS.get(agency, (None, None))
    return InvitationAnswer(role, control_ground_id, function_mailbox(agency))


def function_mailbox(agency: str) -> str:
    """An address under a domain that can never exist (RFC 2606)."""
    return f"los-samverkan@{agency}.example"


@dataclass(frozen=True, slots=True)
class ReferencePartner:
    """A handler for the inbox."""

    kit: Kit
    answer: InvitationAnswer

    def __call__(self, tx: Database, opened: Opened, now: datetime) -> Sequence[Reply]:
        """Keep the record; an answer when it is an invitation. What a recall or a correction withdraws the inbox has deleted."""
        if opened.fields:
            inbox.store(tx, opened, now)
        reference = opened.fields.get("control.reference")
        if _is_invitation(opened) and isinstance(reference, str):
            return [feedback.invitation_answer(self.kit, opened.event, opened.receiver_kind, reference, self.answer, now)]
        return []


def _is_invitation(opened: Opened) -> bool:
    """The open facts (INV) ask; the plan (PLAN), which names the object, comes after the answer."""
    return opened.record_kind == "control_invitation" and not any(name.startswith("control.object_") for name in opened.fields)
