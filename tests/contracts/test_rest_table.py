"""Every call of the contract is an operation of the API, or is none for a reason that is written down."""

from collections import Counter

from services.gateway.rest.not_here import NOT_HERE
from services.gateway.rest.operations import CONTROLS, REGISTRY, SHARING
from services.gateway.rest.table import OPERATIONS


def test_every_call_is_an_operation_or_has_a_reason_why_it_is_none() -> None:
    here = {each.call.full_name for each in OPERATIONS}
    reasons = Counter(name for names in NOT_HERE.values() for name in names)
    calls = [method for service in (REGISTRY, CONTROLS, SHARING) for method in service.methods]

    assert [call.full_name for call in calls if (call.full_name in here) + reasons[call.name] != 1] == []
    assert set(reasons) <= {call.name for call in calls}


def test_each_operation_has_a_name_of_its_own() -> None:
    assert max(Counter(each.called for each in OPERATIONS).values()) == 1
    assert max(Counter((each.http, each.path) for each in OPERATIONS).values()) == 1
