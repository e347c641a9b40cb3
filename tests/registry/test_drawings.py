"""The tables of states and the drawings of workflows have the same arrows."""

from collections.abc import Iterable
from typing import Any

import pytest

from services.registry.domain.alert_life import LIFE as ALERT_LIFE
from services.registry.domain.payment_life import LIFE, NOTICES, REPORTS
from tests.registry import drawing


@pytest.mark.parametrize(
    ("table", "drawn"),
    [
        (ALERT_LIFE, drawing.allowed(drawing.ALERT, drawing.ALERT_BEYOND)),
        (LIFE, drawing.allowed(drawing.PAYMENT, drawing.PAYMENT_BEYOND)),
        (NOTICES, drawing.NOTICE),
        (REPORTS, drawing.POLICE),
    ],
)
def test_a_table_of_states_has_the_arrows_of_the_drawing_and_no_others(table: Any, drawn: frozenset[tuple[str, str]]) -> None:  # noqa: ANN401
    assert drawing.moves(table) == drawn


@pytest.mark.parametrize(("table", "first"), [(ALERT_LIFE, {"draft", "submitted"}), (LIFE, {"flagged"})])
def test_every_state_can_be_reached(table: Any, first: Iterable[str]) -> None:  # noqa: ANN401
    reached = set(first)
    for _ in table.next:
        reached |= {str(after) for before, afters in table.next.items() if before in reached for after in afters}
    assert reached == {str(state) for state in type(next(iter(table.next)))}
