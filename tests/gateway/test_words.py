"""Every code of the contract that a page may show has its Swedish words."""

from los.sharing.v1 import sharing_pb2 as pb

from services.gateway.words import EVENTS, FIELDS, RECORD_KINDS, ROLES, STATES
from services.kernel.callers import Role
from services.sharing.contract.fields import TYPES
from services.sharing.domain import DECIDERS, Status


def test_every_role_state_and_event_has_words() -> None:
    assert set(ROLES) == set(Role)
    assert set(STATES) == set(pb.DisclosureState.values()) - {pb.DISCLOSURE_STATE_UNSPECIFIED}
    assert set(EVENTS) == set(Status)
    assert set(RECORD_KINDS) == set(DECIDERS)


def test_every_field_that_can_be_told_has_a_word() -> None:
    assert set(TYPES) <= set(FIELDS)
