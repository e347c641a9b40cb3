"""Every code of the contract that a page may show has its Swedish words."""

import pytest
from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2, findings_pb2, tips_pb2
from los.sharing.v1 import sharing_pb2 as pb

from services.gateway import controls_words, tips
from services.gateway.words import EVENTS, FIELDS, RECORD_KINDS, ROLES, STATES
from services.kernel.callers import Role
from services.sharing.contract.fields import TYPES
from services.sharing.domain import DECIDERS, Status


def test_every_role_state_and_event_has_words() -> None:
    assert set(ROLES) == set(Role)
    assert set(STATES) == set(pb.DisclosureState.values()) - {pb.DISCLOSURE_STATE_UNSPECIFIED}
    assert set(EVENTS) == set(Status)
    assert set(RECORD_KINDS) == set(DECIDERS)


@pytest.mark.parametrize(
    ("words", "enum"),
    [
        (controls_words.OPERATIONS, controls_pb2.OperationState),
        (controls_words.VISITS, controls_pb2.VisitState),
        (controls_words.TIPS, tips_pb2.TipState),
        (controls_words.MEASURES, findings_pb2.MeasureState),
        (controls_words.SECOND_WAVES, findings_pb2.SecondWave),
        ({number: said for said, number in tips.STATES.values()}, tips_pb2.TipState),
    ],
)
def test_every_state_of_an_operation_and_what_is_found_has_words(words: object, enum: object) -> None:
    assert set(words) == set(enum.values()) - {0}  # type: ignore[attr-defined,call-overload]  # an enum of the contract


def test_every_way_of_an_invitation_has_words() -> None:
    assert set(controls_words.OUTCOMES) == set(common_pb2.OutcomeStatus.values())


def test_every_field_that_can_be_told_has_a_word() -> None:
    assert set(TYPES) <= set(FIELDS)
