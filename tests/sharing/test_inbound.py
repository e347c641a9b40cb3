"""What an agency tells the kommun: it lands in the inbox of the unit that decides the benefit, and never beyond it."""

import threading
import time
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from kafka import KafkaProducer
from los.common.v1 import common_pb2
from los.sharing.v1 import sharing_pb2 as pb

from partner import feedback as partner
from partner.feedback import Cause, Notice, Reply
from services.kernel.callers import Caller, Role
from services.kernel.errors import Conflict, Denied, Invalid, NotFound
from services.sharing.sealing import Notice as Opened
from services.sharing.sealing import NoticeWithdrawn, open_reply
from tests.partner.builders import NOW, a_world, forged
from tests.registry.builders import COORDINATION_PERSON
from tests.sharing.acts import APPROVER, ARCHIVE, ARCHIVE_IAF, INVESTIGATOR, MANAGER, OTHER_PERSON, erase
from tests.sharing.builders import PERSON
from tests.sharing.conftest import Sharing

FK = "forsakringskassan"
AT_VOF = Caller("cli", "vof-utredare-1", Role.FUT_INVESTIGATOR, "VOF")
CHILD = "201001302395"  # samples/testpersonnummer.txt
WAIT_S = 30


def a_notice(**changes: Any) -> Notice:  # noqa: ANN401 - any part of a notice
    notice = Notice(
        id=uuid4(),
        scheme="ekonomiskt_bistand",
        period_from="2026-02",
        period_to="2026-08",
        causes=[Cause("cohabitation", date(2026, 2, 1), date(2026, 8, 31)), Cause("stay_abroad")],
        reference="FK-2026/4711",
        function_mailbox="los@forsakringskassan.example",
        basis_id="underrattelselagen-2026",
        personal_identity_number=PERSON,
    )
    return replace(notice, **changes)


def told(sharing: Sharing, notice: Notice, kind: str = FK, after: timedelta = timedelta(0)) -> Reply:
    """The agency's notice, sealed with its real keys."""
    kit = sharing.kit("polisen" if kind == "polismyndigheten" else kind.partition("-")[0])
    return partner.notice(kit, kind, notice, sharing.clock.now() + after)


def taken_back(sharing: Sharing, notice: Notice, after: timedelta = timedelta(seconds=1)) -> Reply:
    return partner.notice_withdrawn(sharing.kit(FK), FK, notice.id, sharing.clock.now() + after)


def inbox(sharing: Sharing, person: Caller = INVESTIGATOR, **asked: Any) -> list[pb.InboundRow]:  # noqa: ANN401 - parts of the request
    return list(sharing.call("ListInbound", pb.ListInboundRequest(**asked), person).inbound)


def read(sharing: Sharing, inbound_id: str, person: Caller = INVESTIGATOR) -> pb.GetInboundResponse:
    found: pb.GetInboundResponse = sharing.call("GetInbound", pb.GetInboundRequest(inbound_id=inbound_id), person)
    return found


def acknowledge(sharing: Sharing, inbound_id: str, person: Caller = INVESTIGATOR, case_number: str = "IAF 2026-31", **more: Any) -> None:  # noqa: ANN401
    request = pb.AcknowledgeInboundRequest(request_id=str(uuid4()), inbound_id=inbound_id, case_number=case_number, **more)
    sharing.call("AcknowledgeInbound", request, person)


def refusals(sharing: Sharing) -> list[str]:
    return [row.refused_code for row in sharing.rows("SELECT refused_code FROM reply WHERE type = 'refused' ORDER BY ctid")]


# the inbox ----------------------------------------------------------------------------------------------------------


def test_a_notice_lands_in_the_inbox_of_the_unit_that_decides_and_in_no_other(sharing: Sharing) -> None:
    home, assistance = a_notice(), a_notice(scheme="personlig_assistans", causes=[Cause("assistance_hours")])
    sharing.hear(told(sharing, home), told(sharing, assistance))

    [row], [at_vof] = inbox(sharing), inbox(sharing, AT_VOF)

    assert (row.notice_id, row.scheme, row.agency, row.receiver_kind) == (str(home.id), "ekonomiskt_bistand", FK, FK)
    assert (row.state, row.type, row.ground_id, row.waited_days) == (
        pb.INBOUND_STATE_NEW, "se.los.notice.v1", "underrattelselagen-2026", 0,
    )  # fmt: skip
    assert at_vof.notice_id == str(assistance.id)
    assert PERSON not in str(row)
    for person in (AT_VOF, Caller("cli", "klf-chef-1", Role.FUT_MANAGER, "KLF")):
        with pytest.raises(NotFound) as refused:
            read(sharing, row.inbound_id, person)
        assert refused.value.message == absent(sharing)
        with pytest.raises(NotFound):
            acknowledge(sharing, row.inbound_id, person)
    for person in (APPROVER, ARCHIVE_IAF, Caller("cli", "iaf-jurist-1", Role.JURIST, "IAF")):
        with pytest.raises(Denied):
            read(sharing, row.inbound_id, person)
        with pytest.raises(Denied):
            inbox(sharing, person)


def absent(sharing: Sharing) -> str:
    with pytest.raises(NotFound) as refused:
        read(sharing, str(uuid4()))
    return refused.value.message


def test_what_a_notice_says_is_read_with_its_duty_and_every_reading_leaves_its_row(sharing: Sharing) -> None:
    sharing.hear(told(sharing, a_notice()))
    [row] = inbox(sharing)

    for person in (INVESTIGATOR, MANAGER):
        found = read(sharing, row.inbound_id, person)

    said = found.content
    assert (said.personal_identity_number, said.coordination_number, said.period_from, said.period_to) == (PERSON, "", "2026-02", "2026-08")
    assert [(cause.code, cause.word, cause.from_date, cause.to_date) for cause in said.causes] == [
        ("cohabitation", "sammanboende", "2026-02-01", "2026-08-31"),
        ("stay_abroad", "vistas utomlands", "", ""),
    ]
    assert (said.reference, said.function_mailbox) == ("FK-2026/4711", "los@forsakringskassan.example")
    assert "2008:206" in found.citation
    readings = sharing.rows("SELECT person, object_id FROM audit WHERE event = 'sharing:inbound:get' ORDER BY id")
    assert [(one.person, str(one.object_id)) for one in readings] == [(who.person, row.inbound_id) for who in (INVESTIGATOR, MANAGER)]


def test_what_a_notice_says_is_sealed_and_nothing_of_it_is_answered_or_told_on(sharing: Sharing) -> None:
    sharing.hear(told(sharing, a_notice()))

    everything = str(sharing.every_row())
    assert PERSON not in everything
    assert "FK-2026/4711" not in everything
    assert sharing.rows("SELECT 1 FROM feedback") == sharing.rows("SELECT 1 FROM outbox") == sharing.rows("SELECT 1 FROM message") == []


def test_a_notice_read_twice_from_its_topic_is_one(sharing: Sharing) -> None:
    notice = told(sharing, a_notice())
    sharing.hear(notice, notice)

    assert len(inbox(sharing)) == 1
    assert refusals(sharing) == []


def test_the_inbox_comes_in_stable_pages_and_by_state(sharing: Sharing) -> None:
    sharing.hear(*(told(sharing, a_notice()) for _ in range(3)))
    first = sharing.call("ListInbound", pb.ListInboundRequest(page=common_pb2.Page(page_size=2)), INVESTIGATOR)
    sharing.hear(told(sharing, a_notice()))
    rest = inbox(sharing, page=common_pb2.Page(page_size=2, page_token=first.next_page_token))
    assert len({row.inbound_id for row in [*first.inbound, *rest]}) == 4

    acknowledge(sharing, first.inbound[0].inbound_id)

    assert [row.inbound_id for row in inbox(sharing, states=[pb.INBOUND_STATE_ACKNOWLEDGED])] == [first.inbound[0].inbound_id]
    assert len(inbox(sharing, states=[pb.INBOUND_STATE_NEW])) == 3


def test_a_named_person_takes_a_notice_into_a_case_once(sharing: Sharing) -> None:
    sharing.hear(told(sharing, a_notice()))
    [row] = inbox(sharing)
    with pytest.raises(Invalid, match=r"^case_number: "):
        acknowledge(sharing, row.inbound_id, case_number=f"IAF {PERSON}")

    acknowledge(sharing, row.inbound_id)

    [taken] = inbox(sharing)
    assert (taken.state, taken.acknowledged_by, taken.case_number) == (pb.INBOUND_STATE_ACKNOWLEDGED, INVESTIGATOR.person, "IAF 2026-31")
    assert read(sharing, row.inbound_id).content.personal_identity_number == PERSON
    with pytest.raises(Conflict, match="redan omhändertagen"):
        acknowledge(sharing, row.inbound_id, MANAGER)
    [done] = sharing.rows("SELECT person, details FROM audit WHERE event = 'sharing:inbound:acknowledge'")
    assert (done.person, done.details) == (INVESTIGATOR.person, {"case_number": "IAF 2026-31"})
    steps = sharing.rows("SELECT from_state, to_state FROM history WHERE record_kind = 'notice' ORDER BY id")
    assert [tuple(step) for step in steps] == [(None, "new"), ("new", "acknowledged")]


def test_a_notice_about_a_person_found_to_be_protected_leaves_the_inbox(sharing: Sharing) -> None:
    sharing.hear(told(sharing, a_notice()))
    [row] = inbox(sharing)

    acknowledge(sharing, row.inbound_id, protection=common_pb2.PROTECTION_PROTECTED)

    assert inbox(sharing) == []
    with pytest.raises(NotFound):
        read(sharing, row.inbound_id)
    request = pb.ListDisclosuresAboutRequest(identity_numbers=[PERSON], case_number="IAF 2026-40")
    assert sharing.call("ListDisclosuresAbout", request, ARCHIVE_IAF) == pb.ListDisclosuresAboutResponse()


# what may be said ---------------------------------------------------------------------------------------------------


NOT_TAKEN_IN = [
    (a_notice(scheme="hemtjanst"), FK, "SCHEME_UNKNOWN"),  # nobody knows which nämnd decides it
    (a_notice(scheme="bostadsbidrag"), FK, "SCHEME_UNKNOWN"),
    (a_notice(causes=[Cause("cohabitation"), Cause("looks_suspicious")]), FK, "CAUSE_UNKNOWN"),
    (a_notice(basis_id="underrattelselagen-2099"), FK, "GROUND_UNKNOWN"),
    (a_notice(basis_id="underrattelselagen-2020"), FK, "GROUND_NOT_IN_FORCE"),
    (a_notice(basis_id="osl-10-27"), FK, "GROUND_UNKNOWN"),  # no duty
    (a_notice(basis_id="fol-32c-2021"), FK, "GROUND_UNKNOWN"),  # a duty to tell somebody else
    (a_notice(), "polismyndigheten", "GROUND_UNKNOWN"),  # Polisen is not bound by the law
    (a_notice(personal_identity_number="193101139199"), FK, "SUBJECT_INVALID"),
    (a_notice(personal_identity_number=None, coordination_number=PERSON), FK, "SUBJECT_INVALID"),
    (a_notice(personal_identity_number=COORDINATION_PERSON), FK, "SUBJECT_INVALID"),
]


def test_what_is_unknown_is_refused_with_a_code_and_nothing_of_it_is_kept(sharing: Sharing) -> None:
    for said, (notice, kind, code) in enumerate(NOT_TAKEN_IN, 1):
        sharing.hear(told(sharing, notice, kind))
        assert refusals(sharing)[said - 1 :] == [code], notice
    assert sharing.rows("SELECT 1 FROM inbound") == []


def test_every_agency_that_the_law_binds_is_heard_of_both_kinds_of_number(sharing: Sharing) -> None:
    kinds = ["skatteverket-beskattning", "skatteverket-folkbokforing", "kronofogden", FK]
    notice = a_notice(personal_identity_number=None, coordination_number=COORDINATION_PERSON)

    sharing.hear(*(told(sharing, notice, kind) for kind in kinds))

    rows = inbox(sharing)
    assert [row.receiver_kind for row in rows] == kinds
    assert {read(sharing, row.inbound_id).content.coordination_number for row in rows} == {COORDINATION_PERSON}


def test_a_child_is_not_registered_whoever_made_the_notice(sharing: Sharing, monkeypatch: pytest.MonkeyPatch) -> None:
    notice = a_notice(personal_identity_number=CHILD)
    with pytest.raises(ValueError, match="child"):
        told(sharing, notice)
    monkeypatch.setattr(partner, "_is_child", lambda *_: False)

    sharing.hear(told(sharing, notice))

    assert refusals(sharing) == ["SUBJECT_CHILD"]
    assert sharing.rows("SELECT 1 FROM inbound") == []


WORLD = a_world()
HONEST = partner.notice(WORLD.kits[FK], FK, a_notice(), NOW)


def opened(reply: Reply) -> object:
    return open_reply(reply.topic, reply.key, reply.value, reply.headers, WORLD.keys, NOW).body


def test_the_kommun_opens_what_the_partner_sealed() -> None:
    body = opened(HONEST)
    assert isinstance(body, Opened)
    assert (body.subject.personal_identity_number, body.period_to) == (PERSON, "2026-08")
    assert [(cause.code, cause.from_date) for cause in body.causes] == [("cohabitation", date(2026, 2, 1)), ("stay_abroad", None)]
    withdrawn = partner.notice_withdrawn(WORLD.kits[FK], FK, body.notice_id, NOW)
    assert opened(withdrawn) == NoticeWithdrawn(aud="kommun", notice_id=body.notice_id, receiver_kind=FK, time=NOW, withdrawn=True)


def test_a_notice_made_again_keeps_its_id_and_another_time_or_content_gives_another() -> None:
    one = a_notice()
    made = [partner.notice(WORLD.kits[FK], FK, notice, now).id for notice in (one, one, replace(one, reference="B")) for now in (NOW, NOW)]
    later = partner.notice(WORLD.kits[FK], FK, one, NOW + timedelta(milliseconds=1)).id
    assert len({*made, later}) == 3


@pytest.mark.parametrize(
    ("inside", "outside", "code"),
    [
        ({"note": "hon bor hos grannen"}, {}, "CONTENT_MALFORMED"),
        ({"withdrawn": True}, {}, "CONTENT_MALFORMED"),
        ({"subject": {}}, {}, "CONTENT_MALFORMED"),
        ({"subject": {"personal_identity_number": PERSON, "coordination_number": PERSON}}, {}, "CONTENT_MALFORMED"),
        ({"subject": {"personal_identity_number": PERSON[2:]}}, {}, "CONTENT_MALFORMED"),
        ({"causes": []}, {}, "CONTENT_MALFORMED"),
        ({"causes": [{"code": "cohabitation", "from": "2026-03-01", "to": "2026-02-01"}]}, {}, "CONTENT_MALFORMED"),
        ({"causes": [{"code": "cohabitation", "text": "sambo"}]}, {}, "CONTENT_MALFORMED"),
        ({"causes": [{"code": "cohabitation"}] * 21}, {}, "CONTENT_MALFORMED"),
        ({"period_from": "2026-09"}, {}, "CONTENT_MALFORMED"),
        ({"period_from": "2026-02-01"}, {}, "CONTENT_MALFORMED"),
        ({"reference": "hon bor hos grannen"}, {}, "CONTENT_MALFORMED"),
        ({"aud": FK}, {}, "AUD_MISMATCH"),
        ({"receiver_kind": "kronofogden"}, {}, "RECEIVER_KIND_MISMATCH"),
        ({"notice_id": str(uuid4())}, {}, "DISCLOSURE_MISMATCH"),
        ({}, {"type": "se.los.person.known.v1"}, "TYPE_UNKNOWN"),  # nobody can ask whether a person is known
    ],
)
def test_a_notice_that_says_more_or_less_than_the_contract_is_refused(inside: dict[str, Any], outside: dict[str, Any], code: str) -> None:
    with pytest.raises(Invalid) as refused:
        opened(forged(HONEST, FK, inside, outside))
    assert refused.value.reason == code
    assert PERSON not in refused.value.message


def test_the_key_of_a_notice_is_its_id_so_that_nothing_overtakes_it() -> None:
    key = str(uuid4())
    with pytest.raises(Invalid) as refused:
        opened(replace(forged(HONEST, FK, outside={"partitionkey": key}), key=key.encode("ascii")))
    assert refused.value.reason == "KEY_MISMATCH"


# said again, taken back, gallrat --------------------------------------------------------------------------------------


def test_a_notice_said_again_takes_the_place_of_the_earlier_one_and_an_older_one_does_not(sharing: Sharing) -> None:
    notice, second = a_notice(), timedelta(seconds=1)
    sharing.hear(told(sharing, notice), told(sharing, replace(notice, period_to="2026-09"), after=second))
    sharing.hear(told(sharing, replace(notice, period_to="2026-10"), after=second), told(sharing, notice, "kronofogden"))

    before, now, other = inbox(sharing)

    assert (before.state, now.state, other.state) == (pb.INBOUND_STATE_REPLACED, pb.INBOUND_STATE_NEW, pb.INBOUND_STATE_NEW)
    assert before.notice_id == now.notice_id == other.notice_id
    assert not read(sharing, before.inbound_id).HasField("content")
    assert read(sharing, now.inbound_id).content.period_to == "2026-09"
    assert refusals(sharing) == ["NOTICE_OUTDATED"]


def test_what_an_agency_takes_back_is_read_by_nobody_and_stays_sealed(sharing: Sharing) -> None:
    notice = a_notice()
    sharing.hear(taken_back(sharing, notice))
    assert refusals(sharing) == ["NOTICE_UNKNOWN"]
    sharing.hear(told(sharing, notice))
    [row] = inbox(sharing)
    assert read(sharing, row.inbound_id).HasField("content")

    sharing.hear(taken_back(sharing, notice, timedelta(seconds=2)))

    [gone] = inbox(sharing)
    assert gone.state == pb.INBOUND_STATE_WITHDRAWN
    assert not read(sharing, row.inbound_id).HasField("content")
    with pytest.raises(Conflict):
        acknowledge(sharing, row.inbound_id)
    [kept] = sharing.rows("SELECT content FROM inbound")
    assert kept.content is not None  # an allmän handling goes only on a gallringsbeslut (arkivlagen 10 §)


def test_the_person_is_told_that_there_is_a_notice_and_of_no_other_units(sharing: Sharing) -> None:
    sharing.hear(told(sharing, a_notice()), told(sharing, a_notice(scheme="personlig_assistans")))
    sharing.hear(told(sharing, a_notice(personal_identity_number=OTHER_PERSON)))
    request = pb.ListDisclosuresAboutRequest(identity_numbers=[PERSON], case_number="IAF 2026-40")

    [row] = sharing.call("ListDisclosuresAbout", request, ARCHIVE_IAF).inbound

    assert (row.sender, row.state) == ("Försäkringskassan", pb.INBOUND_STATE_NEW)
    assert row.withheld.startswith("En underrättelse kan höra till en utredning som pågår.")
    [trace] = sharing.rows("SELECT details FROM audit WHERE event = 'sharing:disclosure:about'")
    assert (trace.details["inbound"], trace.details["count"]) == ([row.inbound_id], 1)


def test_a_notice_is_gallrat_on_a_decision_once_its_years_are_over_and_never_before_somebody_has_taken_it(sharing: Sharing) -> None:
    sharing.hear(told(sharing, a_notice()), told(sharing, a_notice()))
    first, second = inbox(sharing)
    acknowledge(sharing, first.inbound_id)
    [taken] = inbox(sharing, states=[pb.INBOUND_STATE_ACKNOWLEDGED])
    assert taken.keep_until
    sharing.change("UPDATE inbound SET last_time = now() - make_interval(months => 60, days => 2)")
    hold(sharing, first.inbound_id, held=True)
    [held] = erase(sharing, dry_run=True, person=ARCHIVE_IAF).rows
    assert (held.disclosures, held.kept) == (0, 2)
    hold(sharing, first.inbound_id, held=False)

    [dry] = erase(sharing, dry_run=True, person=ARCHIVE_IAF).rows
    assert (dry.record_kind, dry.disclosures, dry.kept, dry.keep_months) == ("notice", 1, 1, 60)
    assert read(sharing, first.inbound_id).HasField("content")
    [done] = erase(sharing, person=ARCHIVE_IAF).rows

    assert done == dry
    gone, stays = inbox(sharing)
    assert (gone.state, stays.state) == (pb.INBOUND_STATE_ERASED, pb.INBOUND_STATE_NEW)
    assert not read(sharing, gone.inbound_id).HasField("content")
    [row] = sharing.rows("SELECT data_key, content, subject FROM inbound WHERE id = %s", UUID(first.inbound_id))
    assert tuple(row) == (None, None, None)
    [protocol] = sharing.rows("SELECT record_kind, unit, erasure_decision FROM erasure")
    assert tuple(protocol) == ("notice", "IAF", "GB 2026-4")
    assert second.inbound_id == stays.inbound_id


def hold(sharing: Sharing, inbound_id: str, *, held: bool, person: Caller = ARCHIVE_IAF) -> None:
    request = pb.HoldDisclosureRequest(request_id=str(uuid4()), disclosure_id=inbound_id, held=held, reason="JO utreder.")
    sharing.call("HoldDisclosure", request, person)


def test_another_units_notice_is_not_there_to_be_held(sharing: Sharing) -> None:
    sharing.hear(told(sharing, a_notice()))
    [row] = inbox(sharing)
    with pytest.raises(NotFound):
        hold(sharing, row.inbound_id, held=True, person=ARCHIVE)


# the whole way ------------------------------------------------------------------------------------------------------


def test_a_notice_written_with_the_agencys_own_rights_is_in_the_inbox(sharing: Sharing) -> None:
    notice = told(sharing, a_notice())
    reading = threading.Thread(target=sharing.feedback.run)
    producer = KafkaProducer(**sharing.kafka.client(FK))
    producer.send(notice.topic, key=notice.key, value=notice.value, headers=notice.headers).get(timeout=WAIT_S)
    producer.close()
    reading.start()
    try:
        deadline = time.monotonic() + WAIT_S
        while not inbox(sharing):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        sharing.feedback.stop()
        reading.join()

    [row] = inbox(sharing)
    assert read(sharing, row.inbound_id).content.personal_identity_number == PERSON
