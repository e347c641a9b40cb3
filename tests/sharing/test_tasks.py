"""What is left to a person, and said when it is done."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from los.sharing.v1 import sharing_pb2 as pb

from services.kernel.callers import Caller, Role
from services.kernel.clock import Clock
from services.kernel.errors import Conflict, Invalid, NotFound
from tests.sharing.acts import INVESTIGATOR, MANAGER, a_duty_without_a_channel, a_police_report, carried_out, row_of
from tests.sharing.conftest import Sharing


def test_the_inbox_says_what_must_be_told_on_which_duty_and_how_long_it_has_waited(sharing: Sharing) -> None:
    offer = sharing.offer(uuid4())
    sharing.change("UPDATE offer SET offered_time = offered_time - interval '3 days'")
    [row] = sharing.call("ListOffers", pb.ListOffersRequest()).offers
    assert (row.offer_id, row.kind, row.ground_id, row.waited_days) == (offer.offer_id, "duty", "fol-32c-2021", 3)
    assert row.message.startswith("Ni ska underrätta Skatteverket")


def test_a_preview_shows_the_checklist_of_the_brake_and_what_is_to_be_written(sharing: Sharing) -> None:
    shown = sharing.preview(sharing.offer(uuid4()).offer_id, points=())
    assert "särskilda skäl" in shown.brake
    assert any("skyddat boende" in item for item in shown.checklist)
    assert [point.code for point in shown.points] == list(shown.missing_points)
    assert all(point.text.endswith("?") for point in shown.points[:1])


def test_a_duty_without_a_channel_stays_open_until_a_person_has_carried_it_out(sharing: Sharing) -> None:
    disclosure_id = a_duty_without_a_channel(sharing)
    assert row_of(sharing, disclosure_id, INVESTIGATOR).task_open
    listed = sharing.call("ListDisclosures", pb.ListDisclosuresRequest(open_tasks=True), INVESTIGATOR).disclosures
    assert [row.disclosure_id for row in listed] == [disclosure_id]
    done = sharing.call("RecordCarriedOut", carried_out(disclosure_id), INVESTIGATOR)
    assert done.state == pb.DISCLOSURE_STATE_CARRIED_OUT
    assert not row_of(sharing, disclosure_id, INVESTIGATOR).task_open
    assert list(sharing.call("ListDisclosures", pb.ListDisclosuresRequest(open_tasks=True), INVESTIGATOR).disclosures) == []
    [said] = sharing.rows("SELECT note FROM disclosure_event WHERE status = 'carried_out'")
    assert b"brev" not in said.note  # what a person wrote is sealed
    with pytest.raises(Conflict, match="ingen öppen uppgift"):
        sharing.call("RecordCarriedOut", carried_out(disclosure_id), INVESTIGATOR)


def test_a_police_report_is_a_task_even_when_its_reference_has_been_sent(sharing: Sharing) -> None:
    disclosure_id = a_police_report(sharing)
    sharing.relay.run_once()
    assert row_of(sharing, disclosure_id, MANAGER).task_open
    done = sharing.call("RecordCarriedOut", carried_out(disclosure_id, way="Polisens e-tjänst", recipient="Polisen"), MANAGER)
    assert done.state == pb.DISCLOSURE_STATE_SENT
    assert not row_of(sharing, disclosure_id, MANAGER).task_open


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ({"way": "  "}, "way"),
        ({"recipient": " "}, "recipient"),
        ({"when": datetime(2020, 1, 1, tzinfo=UTC)}, "carried_out_time"),
        ({"when": Clock().now() + timedelta(days=1)}, "carried_out_time"),
    ],
)
def test_how_when_and_to_whom_must_make_sense(sharing: Sharing, words: dict[str, Any], field: str) -> None:
    disclosure_id = a_duty_without_a_channel(sharing)
    with pytest.raises(Invalid, match=f"^{field}: "):
        sharing.call("RecordCarriedOut", carried_out(disclosure_id, **words), INVESTIGATOR)
    assert row_of(sharing, disclosure_id, INVESTIGATOR).task_open


def test_what_goes_over_the_bus_is_no_task_and_another_units_task_is_not_there(sharing: Sharing) -> None:
    with pytest.raises(Conflict):
        sharing.call("RecordCarriedOut", carried_out(sharing.decided(uuid4())))
    with pytest.raises(NotFound):
        sharing.call("RecordCarriedOut", carried_out(a_duty_without_a_channel(sharing)))


def test_what_a_person_wrote_can_be_read_again(sharing: Sharing) -> None:
    disclosure_id = a_duty_without_a_channel(sharing)
    sharing.call("RecordCarriedOut", carried_out(disclosure_id), INVESTIGATOR)
    events = sharing.call("GetDisclosure", pb.GetDisclosureRequest(disclosure_id=disclosure_id), INVESTIGATOR).events
    [said] = [event.note for event in events if event.status == "carried_out"]
    assert said.splitlines()[1:] == ["Rekommenderat brev", "CSN, kontrollenheten", "2026-17"]


def test_a_report_stays_a_task_when_its_reference_lapsed_and_not_when_it_was_taken_back(sharing: Sharing) -> None:
    lapsed = a_police_report(sharing)
    sharing.change("UPDATE message SET protection_valid_until = now() - interval '1 second'")
    sharing.relay.run_once()
    assert sharing.status(lapsed) == "void"
    assert row_of(sharing, lapsed, MANAGER).task_open
    sharing.call("RecordCarriedOut", carried_out(lapsed, recipient="Polisen"), MANAGER)
    assert not row_of(sharing, lapsed, MANAGER).task_open


def test_a_task_cannot_have_been_carried_out_before_the_second_person_decided(sharing: Sharing) -> None:
    disclosure_id = a_duty_without_a_channel(sharing)
    sharing.change("UPDATE disclosure SET decided_time = decided_time - interval '2 days'")
    with pytest.raises(Invalid, match=r"^carried_out_time: "):
        sharing.call("RecordCarriedOut", carried_out(disclosure_id, when=Clock().now() - timedelta(days=1)), INVESTIGATOR)


def test_a_role_sees_only_the_kinds_it_works_with(sharing: Sharing) -> None:
    disclosure_id = a_duty_without_a_channel(sharing)
    inspector = Caller("cli", "iaf-inspektor-1", Role.INSPECTOR, "IAF")
    with pytest.raises(NotFound):
        sharing.call("GetDisclosure", pb.GetDisclosureRequest(disclosure_id=disclosure_id), inspector)
    with pytest.raises(NotFound):
        sharing.call("RecordCarriedOut", carried_out(disclosure_id), inspector)
    assert list(sharing.call("ListDisclosures", pb.ListDisclosuresRequest(), inspector).disclosures) == []
    assert list(sharing.call("ListOffers", pb.ListOffersRequest(), inspector).offers) == []
