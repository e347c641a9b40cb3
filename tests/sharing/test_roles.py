"""A person whose role has ended may call nothing in it, and nothing leaves that the person decided in it (design 15)."""

from collections.abc import Callable
from uuid import uuid4

import psycopg
import pytest
from los.sharing.v1 import sharing_pb2 as pb

from services.kernel.callers import Caller, Role
from services.kernel.errors import Conflict, Denied, Invalid
from services.kernel.ids import new_id
from tests.sharing.conftest import OFFICER, SECOND, Sharing

CHIEF = Caller("cli", "klf-sakerhetschef-1", Role.SECURITY_OFFICER, "KLF")


def say(sharing: Sharing, person: Caller, *, holds: bool = False, by: Caller = CHIEF, role: str = "") -> pb.RecordRoleChangeResponse:
    name, own_role, unit = person.seat
    request = pb.RecordRoleChangeRequest(
        request_id=str(uuid4()), person=name, role=role or own_role, unit=unit, holds=holds, decision_reference="HR 2026-9"
    )
    answer: pb.RecordRoleChangeResponse = sharing.call("RecordRoleChange", request, by)
    return answer


def test_a_person_whose_role_has_ended_may_call_nothing_in_it_until_it_holds_again(sharing: Sharing) -> None:
    sharing.call("ListOffers", pb.ListOffersRequest())

    say(sharing, OFFICER)

    with pytest.raises(Denied) as refused:
        sharing.call("ListOffers", pb.ListOffersRequest())
    with pytest.raises(Denied) as never:
        sharing.call("SwitchFlow", pb.SwitchFlowRequest(), OFFICER)
    assert refused.value.message.removeprefix("ListOffers") == never.value.message.removeprefix("SwitchFlow")
    sharing.call("ListOffers", pb.ListOffersRequest(), Caller("cli", OFFICER.person, Role.FUT_INVESTIGATOR, "KLF"))
    sharing.call("ListOffers", pb.ListOffersRequest(), Caller("cli", OFFICER.person, Role.ALERT_OFFICER, "IAF"))
    sharing.call("ListOffers", pb.ListOffersRequest(), Caller("cli", "klf-handlaggare-2", Role.ALERT_OFFICER, "KLF"))
    say(sharing, OFFICER, holds=True)
    sharing.call("ListOffers", pb.ListOffersRequest())


@pytest.mark.parametrize("person", [OFFICER, SECOND], ids=["decided", "approved"])
def test_what_somebody_decided_whose_role_has_ended_since_never_leaves_and_is_told(sharing: Sharing, person: Caller) -> None:
    disclosure_id, after = sharing.decided(uuid4()), sharing.decided(uuid4())
    say(sharing, person)
    with pytest.raises(Denied):
        sharing.call("ListOffers", pb.ListOffersRequest(), person)

    while sharing.relay.run_once():
        pass

    assert [sharing.status(one) for one in (disclosure_id, after)] == ["void", "void"]
    assert sharing.on_the_topic(disclosure_id) == sharing.on_the_topic(after) == []
    assert sharing.rows("SELECT 1 FROM message") == sharing.rows("SELECT 1 FROM outbox") == []
    assert len(sharing.rows("SELECT 1 FROM feedback")) == 2


@pytest.mark.parametrize(
    "said",
    [
        lambda sharing: say(sharing, Caller("cli", "klf-handlaggare-2", Role.ALERT_OFFICER, "KLF")),
        lambda sharing: say(sharing, OFFICER, role=Role.FUT_INVESTIGATOR),
        lambda sharing: (say(sharing, OFFICER), say(sharing, OFFICER, holds=True)),
    ],
    ids=["somebody else", "another role of the same person", "ended and given again"],
)
def test_what_was_decided_leaves_while_the_roles_it_was_decided_in_hold(sharing: Sharing, said: Callable[[Sharing], object]) -> None:
    disclosure_id = sharing.decided(uuid4())
    said(sharing)

    sharing.relay.run_once()

    assert sharing.status(disclosure_id) == "sent"


def test_what_may_have_left_before_the_role_ended_is_owed_a_recall(sharing: Sharing) -> None:
    disclosure_id = sharing.decided(uuid4())
    sharing.change("UPDATE outbox SET attempts = 1")  # a relay that died after it had tried
    say(sharing, OFFICER)

    sharing.relay.run_once()

    assert sharing.status(disclosure_id) == "recall_due"


def test_a_colleague_cannot_approve_what_somebody_decided_whose_role_has_ended(sharing: Sharing) -> None:
    shown = sharing.preview(sharing.offer(uuid4()).offer_id)
    decided = sharing.decide(shown)
    say(sharing, OFFICER)

    with pytest.raises(Conflict, match="har inte längre den roll som krävs"):
        sharing.approve(decided.disclosure_id, shown.payload_hash)

    assert sharing.rows("SELECT 1 FROM message") == []


def test_the_security_officer_alone_says_it_of_others_and_it_is_never_altered(sharing: Sharing) -> None:
    for person in (OFFICER, SECOND, Caller("cli", "klf-jurist-1", Role.JURIST, "KLF")):
        with pytest.raises(Denied):
            say(sharing, SECOND, by=person)
    with pytest.raises(Conflict, match="egna roller"):
        say(sharing, CHIEF)
    with pytest.raises(Invalid, match=r"^role: "):
        say(sharing, OFFICER, role="king")

    assert not say(sharing, OFFICER).holds

    [row] = sharing.rows("SELECT person, role, unit, holds, changed_by, decision_reference FROM role_change")
    assert tuple(row) == (OFFICER.person, "alert_officer", "KLF", False, CHIEF.person, "HR 2026-9")
    [trace] = sharing.rows("SELECT person, outcome, details FROM audit WHERE event = 'sharing:role:change'")
    assert (trace.person, trace.outcome, trace.details["of_person"]) == (CHIEF.person, "ended", OFFICER.person)
    for statement in ("DELETE FROM role_change", "UPDATE role_change SET holds = true"):
        with psycopg.connect(sharing.own_url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)


def test_the_same_word_again_is_said_once(sharing: Sharing) -> None:
    request = pb.RecordRoleChangeRequest(
        request_id=str(new_id()), person="klf-handlaggare-2", role="alert_officer", unit="KLF", decision_reference="HR 2026-9"
    )
    assert sharing.call("RecordRoleChange", request, CHIEF) == sharing.call("RecordRoleChange", request, CHIEF)
    assert len(sharing.rows("SELECT 1 FROM role_change")) == 1
