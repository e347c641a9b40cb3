"""What is left to a person, what a person may know, what is held, and what is gallrat."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from los.common.v1 import common_pb2
from los.sharing.v1 import sharing_pb2 as pb

from services.kernel.callers import Caller, Role
from services.kernel.clock import Clock, timestamp
from services.kernel.errors import Conflict, Denied, Invalid, NotFound
from tests.sharing.builders import PERSON
from tests.sharing.conftest import Sharing

INVESTIGATOR = Caller("cli", "iaf-utredare-1", Role.FUT_INVESTIGATOR, "IAF")
APPROVER = Caller("cli", "iaf-beslutare-1", Role.APPROVER, "IAF")
MANAGER = Caller("cli", "iaf-chef-1", Role.FUT_MANAGER, "IAF")
ARCHIVE = Caller("cli", "klf-registrator-1", Role.RECORDS_OFFICER, "KLF")
ARCHIVE_IAF = Caller("cli", "iaf-registrator-1", Role.RECORDS_OFFICER, "IAF")
PAYMENT_POINTS = ("benefit", "circumstances", "own_error", "special_reasons")
REPORT_POINTS = ("offence", "suspicion", "correction", "methods")


def a_duty_without_a_channel(sharing: Sharing) -> str:
    """CSN decided the benefit: two persons have decided to tell it, and there is no topic."""
    payment = common_pb2.SuspectedPayment(
        subject=common_pb2.Subject(full_name="Alma Demo", personal_identity_number=PERSON),
        payment=common_pb2.PaymentFacts(benefit_type="studiemedel", deciding_body="csn", period_from="2026-02"),
    )
    request = pb.OfferRecordRequest(
        event_id=str(uuid4()), record_id=str(uuid4()), revision=1, receiver_kind="csn", unit="IAF", secrecy=["26:1"],
        suspected_payment=payment, protection_check=sharing.checked(),
    )  # fmt: skip
    shown = sharing.preview(sharing.take(request).offer_id, INVESTIGATOR, PAYMENT_POINTS)
    decided = sharing.decide(shown, person=INVESTIGATOR)
    sharing.approve(decided.disclosure_id, shown.payload_hash, APPROVER)
    return decided.disclosure_id


def a_police_report(sharing: Sharing) -> str:
    """A reference, decided by the manager."""
    request = pb.OfferRecordRequest(
        event_id=str(uuid4()), record_id=str(uuid4()), revision=1, receiver_kind="polismyndigheten", unit="IAF", secrecy=["26:1"],
        police_report=common_pb2.PoliceReport(), protection_check=sharing.checked(),
    )  # fmt: skip
    shown = sharing.preview(sharing.take(request).offer_id, MANAGER, tuple(point.code for point in writing("W3")))
    return sharing.decide(shown, person=MANAGER).disclosure_id


def writing(name: str) -> Any:  # noqa: ANN401  # the points of a writing
    from services.sharing.legal import law  # noqa: PLC0415  # read once, where it is needed

    return law().writings[name].points


def carried_out(disclosure_id: str, **words: Any) -> pb.RecordCarriedOutRequest:  # noqa: ANN401  # parts of the request
    when = timestamp(words.pop("when", Clock().now()))
    way = {"way": "Rekommenderat brev", "recipient": "CSN, kontrollenheten", "reference": "2026-17"} | words
    return pb.RecordCarriedOutRequest(request_id=str(uuid4()), disclosure_id=disclosure_id, carried_out_time=when, **way)


def row_of(sharing: Sharing, disclosure_id: str, person: Caller) -> pb.DisclosureRow:
    row: pb.DisclosureRow = sharing.call("GetDisclosure", pb.GetDisclosureRequest(disclosure_id=disclosure_id), person).disclosure
    return row


def age(sharing: Sharing, disclosure_id: str, months: int) -> None:
    """Nothing has happened to it for so long."""
    sharing.change("UPDATE disclosure_event SET occurred_time = now() - make_interval(months => %s, days => 2) WHERE disclosure_id = %s",
                   months, disclosure_id)  # fmt: skip


def erase(sharing: Sharing, *, dry_run: bool = False, decision: str = "GB 2026-4", person: Caller = ARCHIVE) -> pb.EraseDisclosuresResponse:
    request = pb.EraseDisclosuresRequest(request_id=str(uuid4()), dry_run=dry_run, erasure_decision=decision)
    answer: pb.EraseDisclosuresResponse = sharing.call("EraseDisclosures", request, person)
    return answer


# the inbox and the tasks --------------------------------------------------------------------------------------------


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


# what a person may know ---------------------------------------------------------------------------------------------


def about(sharing: Sharing, person: Caller = ARCHIVE, number: str = PERSON) -> list[pb.DisclosureAbout]:
    request = pb.ListDisclosuresAboutRequest(identity_number=number, case_number="KS 2026-99")
    return list(sharing.call("ListDisclosuresAbout", request, person).disclosures)


def test_one_call_lists_all_that_a_unit_has_shared_about_a_person(sharing: Sharing) -> None:
    ids = [sharing.decided(uuid4()), sharing.decided(uuid4(), flat="1202")]
    a_duty_without_a_channel(sharing)
    rows = about(sharing, number=f"{PERSON[:8]}-{PERSON[8:]}")
    assert [row.disclosure_id for row in rows] == ids
    for row in rows:
        assert (row.receiver, row.ground_id, row.withheld) == ("Skatteverket (folkbokföring)", "fol-32c-2021", "")
        assert "subject.full_name" in row.fields
        assert PERSON.encode() in row.payload
    assert len(about(sharing, ARCHIVE_IAF)) == 1


def test_what_may_be_secret_from_the_person_is_marked_and_not_opened(sharing: Sharing) -> None:
    sharing.decided(uuid4())
    sharing.change("UPDATE disclosure SET secrecy = '{17:2}'")
    [row] = about(sharing)
    assert "17:2" in row.withheld
    assert (row.payload, list(row.fields)) == (b"", [])


def test_a_look_up_is_audited_without_the_number_and_nobody_else_may_make_it(sharing: Sharing) -> None:
    disclosure_id = sharing.decided(uuid4())
    about(sharing)
    [row] = sharing.rows("SELECT details::text AS said FROM audit WHERE event = 'sharing:disclosure:about'")
    assert "KS 2026-99" in row.said
    assert disclosure_id in row.said
    assert PERSON not in row.said
    with pytest.raises(Denied):
        about(sharing, INVESTIGATOR)
    with pytest.raises(Invalid, match=r"^identity_number: ") as told:
        about(sharing, number="123456789012")
    assert "123456" not in told.value.message


def test_a_person_about_whom_nothing_was_shared_looks_like_one_who_is_not_known(sharing: Sharing) -> None:
    assert about(sharing) == []


# gallring -----------------------------------------------------------------------------------------------------------


def test_without_a_decision_nothing_is_erased_and_a_dry_run_changes_nothing(sharing: Sharing) -> None:
    disclosure_id = sharing.decided(uuid4())
    sharing.relay.run_once()
    age(sharing, disclosure_id, 12)
    with pytest.raises(Invalid, match="erasure_decision"):
        erase(sharing, decision=" ")
    [row] = erase(sharing, dry_run=True).rows
    assert (row.record_kind, row.disclosures, row.kept, row.keep_months) == ("folkbokforing_alert", 1, 0, 12)
    assert sharing.rows("SELECT 1 FROM erasure") == []
    assert sharing.status(disclosure_id) == "sent"


def test_after_its_day_nothing_of_a_disclosure_can_be_read_and_the_protocol_says_what_went(sharing: Sharing) -> None:
    disclosure_id = sharing.decided(uuid4())
    sharing.relay.run_once()
    before = sharing.call("GetDisclosure", pb.GetDisclosureRequest(disclosure_id=disclosure_id))
    age(sharing, disclosure_id, 12)
    [row] = erase(sharing).rows
    assert row.disclosures == 1
    after = sharing.call("GetDisclosure", pb.GetDisclosureRequest(disclosure_id=disclosure_id))
    assert after.disclosure.state == pb.DISCLOSURE_STATE_ERASED
    assert (after.payload, after.payload_hash, list(after.written)) == (b"", "", [])
    assert about(sharing) == []
    [protocol] = sharing.rows("SELECT * FROM erasure")
    assert (str(protocol.disclosure_id), protocol.record_kind, protocol.keep_months) == (disclosure_id, "folkbokforing_alert", 12)
    assert (protocol.erasure_decision, protocol.person) == ("GB 2026-4", ARCHIVE.person)
    everything = str(sharing.every_row())
    assert before.payload_hash not in everything
    assert PERSON not in everything
    assert erase(sharing).rows == []


def test_nothing_else_of_a_disclosure_can_be_changed(sharing: Sharing) -> None:
    sharing.decided(uuid4())
    for statement in ("UPDATE disclosure SET ground_id = 'x'", "DELETE FROM disclosure", "UPDATE erasure SET person = 'x'"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), psycopg.connect(sharing.own_url) as connection:
            connection.execute(statement)


@pytest.mark.parametrize("why", ["held", "recall", "young"])
def test_what_is_held_or_owed_or_young_stays(sharing: Sharing, why: str) -> None:
    record_id = uuid4()
    disclosure_id = sharing.decided(record_id)
    sharing.relay.run_once()
    if why == "held":
        hold(sharing, disclosure_id, held=True)
        assert row_of(sharing, disclosure_id, Caller("cli", "k", Role.APPROVER, "KLF")).held
    if why == "recall":
        sharing.withdraw(record_id)
    age(sharing, disclosure_id, 12 if why != "young" else 11)
    rows = erase(sharing).rows
    assert [(row.disclosures, row.kept) for row in rows] == ([] if why == "young" else [(0, 1)])
    assert PERSON.encode() in sharing.call("GetDisclosure", pb.GetDisclosureRequest(disclosure_id=disclosure_id)).payload


def hold(sharing: Sharing, disclosure_id: str, *, held: bool) -> None:
    request = pb.HoldDisclosureRequest(request_id=str(uuid4()), disclosure_id=disclosure_id, held=held, reason="Tillsynsärende.")
    sharing.call("HoldDisclosure", request, ARCHIVE)


def test_what_is_let_go_again_goes(sharing: Sharing) -> None:
    disclosure_id = sharing.decided(uuid4())
    sharing.relay.run_once()
    hold(sharing, disclosure_id, held=True)
    hold(sharing, disclosure_id, held=False)
    age(sharing, disclosure_id, 12)
    assert [row.disclosures for row in erase(sharing).rows] == [1]
    with pytest.raises(Conflict, match="gallrad"):
        hold(sharing, disclosure_id, held=True)


def test_an_open_task_is_not_erased(sharing: Sharing) -> None:
    disclosure_id = a_duty_without_a_channel(sharing)
    age(sharing, disclosure_id, 60)
    assert [(row.disclosures, row.kept) for row in erase(sharing, person=ARCHIVE_IAF).rows] == [(0, 1)]


def test_another_units_disclosures_are_its_own_to_erase(sharing: Sharing) -> None:
    disclosure_id = sharing.decided(uuid4())
    sharing.relay.run_once()
    age(sharing, disclosure_id, 12)
    assert list(erase(sharing, person=ARCHIVE_IAF).rows) == []


def test_a_duty_never_lapses_and_a_permission_does(sharing: Sharing) -> None:
    duty = sharing.offer(uuid4()).offer_id
    permission = an_invitation(sharing)
    sharing.change("UPDATE offer SET offered_time = now() - interval '7 months', unit = 'KLF'")
    assert erase(sharing, dry_run=True).lapsed_offers == 1
    assert erase(sharing).lapsed_offers == 1
    states = {str(row.id): row.state for row in sharing.rows("SELECT id, state, content FROM offer")}
    assert states == {duty: "waiting", permission: "lapsed"}
    assert [row.id for row in sharing.rows("SELECT id FROM offer WHERE state = 'lapsed' AND content IS NOT NULL")] == []


def an_invitation(sharing: Sharing) -> str:
    facts = common_pb2.ControlFacts(reference="LOS-2026-7", window_start="2026-12-01", window_end="2026-12-01")
    request = pb.OfferRecordRequest(
        event_id=str(uuid4()), record_id=str(uuid4()), revision=1, receiver_kind="kronofogden", unit="MOS",
        control_invitation=common_pb2.ControlInvitation(control=facts),
    )  # fmt: skip
    offer_id: str = sharing.take(request, as_controls=True).offer_id
    return offer_id


def test_the_senders_own_clock_is_on_the_disclosure(sharing: Sharing) -> None:
    disclosure_id = sharing.decided(uuid4())
    row = row_of(sharing, disclosure_id, Caller("cli", "k", Role.APPROVER, "KLF"))
    today = Clock().today()
    assert row.keep_until == today.replace(year=today.year + 1).isoformat()
    assert UUID(row.disclosure_id)
