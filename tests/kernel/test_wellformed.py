import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2
from los.sharing.v1 import sharing_pb2

from services.kernel.errors import Invalid
from services.kernel.wellformed import FIRST_S, LAST_S, require_well_formed


@pytest.mark.parametrize(("seconds", "nanos"), [(FIRST_S - 1, 0), (LAST_S + 1, 0), (0, -1), (0, 10**9), (2**63 - 1, 0)])
def test_an_instant_that_is_no_day_of_ours_is_refused_and_its_field_named(seconds: int, nanos: int) -> None:
    moment = Timestamp(seconds=seconds, nanos=nanos)
    asked = registry_pb2.AssessAlertRequest(protection_check=common_pb2.ProtectionCheck(checked_time=moment))
    with pytest.raises(Invalid, match=r"^protection_check\.checked_time: "):
        require_well_formed(asked)


@pytest.mark.parametrize("seconds", [FIRST_S, 0, LAST_S])
def test_the_first_and_the_last_instant_are_taken(seconds: int) -> None:
    require_well_formed(sharing_pb2.RecordCarriedOutRequest(carried_out_time=Timestamp(seconds=seconds, nanos=999_999_999)))


def test_a_number_that_an_enum_does_not_name_is_refused_alone_and_in_a_list() -> None:
    with pytest.raises(Invalid, match=r"^assessment: "):
        require_well_formed(registry_pb2.AssessAlertRequest(assessment=99))  # type: ignore[arg-type]
    with pytest.raises(Invalid, match=r"^states: "):
        require_well_formed(registry_pb2.ListAlertsRequest(states=[registry_pb2.ALERT_STATE_DRAFT, -(2**31)]))  # type: ignore[list-item]
    with pytest.raises(Invalid, match=r"^states: "):
        require_well_formed(registry_pb2.ListAlertsRequest(states=[registry_pb2.ALERT_STATE_UNSPECIFIED]))


def test_a_nul_in_a_text_is_refused_wherever_it_is() -> None:
    texts = registry_pb2.AlertReport(observation_types=["apartment_empty", "a\x00"])
    with pytest.raises(Invalid, match=r"^report\.observation_types: ") as told:
        require_well_formed(registry_pb2.RegisterAlertRequest(report=texts))
    assert "\x00" not in told.value.message
    in_map = sharing_pb2.OfferRecordRequest()
    in_map.field_secrecy["subject\x00"] = "26:1"
    with pytest.raises(Invalid, match=r"^field_secrecy: "):
        require_well_formed(in_map)
