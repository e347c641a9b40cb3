"""What a person may know of what was shared, what is held, and what is gallrat."""

from uuid import UUID, uuid4

import psycopg
import pytest
from los.common.v1 import common_pb2
from los.sharing.v1 import sharing_pb2 as pb

from services.kernel.callers import Caller, Role
from services.kernel.clock import Clock
from services.kernel.errors import Conflict, Denied, Invalid, NotFound
from tests.sharing.acts import (
    ARCHIVE,
    ARCHIVE_IAF,
    INVESTIGATOR,
    OTHER_PERSON,
    a_duty_without_a_channel,
    a_police_report,
    about,
    age,
    carried_out,
    erase,
    row_of,
)
from tests.sharing.builders import PERSON
from tests.sharing.conftest import Sharing

# what a person may know ---------------------------------------------------------------------------------------------


def test_one_call_lists_all_that_a_unit_has_shared_about_a_person(sharing: Sharing) -> None:
    ids = [sharing.decided(uuid4()), sharing.decided(uuid4(), flat="1202")]
    a_duty_without_a_channel(sharing)
    rows = about(sharing, ARCHIVE, f"{PERSON[:8]}-{PERSON[8:]}")
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
    with pytest.raises(Invalid, match=r"^identity_numbers: ") as told:
        about(sharing, ARCHIVE, "123456789012")
    assert "123456" not in told.value.message


def test_a_person_about_whom_nothing_was_shared_looks_like_one_who_is_not_known(sharing: Sharing) -> None:
    sharing.decided(uuid4())
    assert about(sharing, ARCHIVE, OTHER_PERSON) == []
    assert len(about(sharing, ARCHIVE, OTHER_PERSON, PERSON)) == 1  # the person had that number before


def test_a_police_report_that_names_nobody_is_still_found_and_marked(sharing: Sharing) -> None:
    a_police_report(sharing)
    [row] = about(sharing, ARCHIVE_IAF)
    assert "18:1" in row.withheld
    assert (row.payload, list(row.fields)) == (b"", [])
    assert PERSON not in str(sharing.every_row())


def test_no_personnummer_is_written_where_it_would_stay(sharing: Sharing) -> None:
    with pytest.raises(Invalid, match=r"^case_number: ") as told:
        about(sharing, case=f"Begäran {PERSON}")
    assert PERSON not in told.value.message
    with pytest.raises(Invalid, match=r"^recipient: "):
        sharing.call("RecordCarriedOut", carried_out(a_duty_without_a_channel(sharing), recipient=f"Om {PERSON}"), INVESTIGATOR)


def test_somebody_found_protected_after_it_was_sent_shows_nowhere(sharing: Sharing) -> None:
    record_id = uuid4()
    disclosure_id = sharing.decided(record_id)
    sharing.relay.run_once()
    request = pb.OfferRecordRequest(
        event_id=str(uuid4()), record_id=str(record_id), revision=2, receiver_kind="skatteverket-folkbokforing", unit="KLF",
        protection_check=common_pb2.ProtectionCheck(result=common_pb2.PROTECTION_PROTECTED),
        withdrawn=pb.Withdrawn(record_kind="folkbokforing_alert"),
    )  # fmt: skip
    sharing.take(request)
    assert sharing.status(disclosure_id) == "recall_decided"  # no officer sees it, so nobody is waited for
    with pytest.raises(NotFound):
        sharing.call("GetDisclosure", pb.GetDisclosureRequest(disclosure_id=disclosure_id))
    assert list(sharing.call("ListDisclosures", pb.ListDisclosuresRequest()).disclosures) == []
    assert list(sharing.call("ListOffers", pb.ListOffersRequest()).offers) == []
    sharing.decided(uuid4(), flat="1202")
    assert about(sharing) == about(sharing, ARCHIVE, OTHER_PERSON) == []  # another case of the same person is gone with it
    said = sharing.rows("SELECT details FROM audit WHERE event = 'sharing:disclosure:about'")
    assert [(row.details["count"], row.details["disclosures"]) for row in said] == [(0, []), (0, [])]


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
    about(sharing)
    [(subject,)] = sharing.rows("SELECT subject FROM disclosure")
    assert subject is not None
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
    [left] = sharing.rows("SELECT data_key, payload, written, payload_hash, subject FROM disclosure")
    assert set(left) == {None}
    everything = str(sharing.every_row())
    assert before.payload_hash not in everything
    assert str(subject) not in everything
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


def test_what_a_unit_holds_is_listed_by_its_latest_word_and_for_that_unit_alone(sharing: Sharing) -> None:
    first, second = (sharing.decided(uuid4()) for _ in range(2))
    for disclosure_id, held in ((first, True), (second, True), (first, False), (first, True), (second, False)):
        hold(sharing, disclosure_id, held=held)

    def listed(person: Caller, only: str = "") -> list[str]:
        return [row.disclosure_id for row in sharing.call("ListHolds", pb.ListHoldsRequest(disclosure_id=only), person).holds]

    assert listed(ARCHIVE) == listed(ARCHIVE, first) == [first]
    assert listed(ARCHIVE, second) == listed(ARCHIVE_IAF) == []
    [row] = sharing.call("ListHolds", pb.ListHoldsRequest(), ARCHIVE).holds
    assert (row.record_kind, row.receiver_kind, row.reason) == ("folkbokforing_alert", "skatteverket-folkbokforing", "Tillsynsärende.")
    assert row.held_by == ARCHIVE.person
    assert [one.held for one in about(sharing)] == [True, False]


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
