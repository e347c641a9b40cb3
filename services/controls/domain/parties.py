"""Who may be invited to an operation, on which grounds they come, and who answers for them (sharing-matrix 2 and 5.3).

A party is a receiver kind, such as skatteverket-beskattning, or a unit of the kommun that has supervision, such as SF.
"""

import re
from functools import cache

from services.kernel.errors import Invalid
from services.kernel.reference import ControlGround, reference

RECORD_KIND = "control_invitation"
SUPERVISION = "kommun-tillsynsnamnd"
POLICE = "polismyndigheten"


@cache
def own_units() -> frozenset[str]:
    """The units of the kommun that have supervision. They answer for themselves here; nothing is sent to them."""
    return frozenset(unit.code for unit in reference().units if _supervises(unit.code))


@cache
def invitable() -> frozenset[str]:
    """The parties that may be invited."""
    over_the_bus = (agency.receivers.get(RECORD_KIND) for agency in reference().agencies)
    by_hand = (kind.code for kind in reference().receivers if kind.invited_by_hand)
    return own_units() | {kind for kind in (*over_the_bus, *by_hand) if kind is not None}


def word_of(party: str) -> str:
    """Swedish, for a message."""
    return reference().units[party].word if party in own_units() else reference().receivers[party].word


def authority_of(party: str) -> str:
    """Swedish, the authority as others are told that it takes part."""
    return reference().units[party].authority if party in own_units() else reference().receivers[party].word


def answers_by_hand(party: str) -> bool:
    """Whether the coordinator may enter this authority's answer: nobody fills it in for one that can answer itself (hs-05)."""
    return party in reference().receivers and reference().receivers[party].invited_by_hand


def supports(party: str, control_ground_id: str) -> bool:
    """Whether the ground is that authority's own. Polisen may also name the statute under which its help was asked (inv-pol)."""
    grounds = reference().control_grounds
    if control_ground_id not in grounds:
        return False
    ground = grounds[control_ground_id]
    kind = SUPERVISION if party in own_units() else party
    return ground.authority_kind == kind or (party == POLICE and _gives_police_help(ground))


def require_own_ground(unit: str, control_ground_id: str) -> None:
    """A unit inspects only on its own ground, and only a supervising nämnd has one (sharing-matrix 2)."""
    if not control_ground_id:
        return
    grounds = reference().control_grounds
    if control_ground_id not in grounds or grounds[control_ground_id].authority_kind != SUPERVISION:
        raise Invalid("own_control_ground_id: ange en av kommunens egna grunder för tillsyn.")
    if not _supervises(unit):
        raise Invalid("own_control_ground_id: förvaltningen samordnar men har ingen egen tillsyn. Lämna fältet tomt.")


def _supervises(unit: str) -> bool:
    holding = reference().units[unit].holds.get(RECORD_KIND)
    return holding is not None and SUPERVISION in holding.sender_kinds


def _gives_police_help(ground: ControlGround) -> bool:
    return bool(re.match(r"\d+:\d+", ground.police_help))
