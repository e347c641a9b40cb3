"""Links between records, and the hint towards the unit with socialtjänst, through the whole service."""

import random
from collections.abc import Iterable, Mapping
from itertools import permutations
from typing import Any
from uuid import uuid4

import pytest
from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as pb

from services.kernel.callers import Caller, Role
from services.kernel.errors import Conflict, ConflictReason, Denied, Invalid, NotFound
from services.registry.domain import alert, payment, supplier
from tests.registry import test_import_service as samples
from tests.registry.builders import (
    APPROVER,
    BUYER,
    COORDINATION_PERSON,
    INVESTIGATOR,
    LANDLORD,
    MANAGER,
    MOS_OFFICER,
    OFFICER,
    OTHER_PERSON,
    PERSON,
    VOF_INVESTIGATOR,
    a_check,
    a_payment,
    a_registration,
    an_assessment,
)
from tests.registry.conftest import Registry
from tests.registry.test_supplier_service import registered as supplier_checked

IAF_OFFICER = Caller("cli", "iaf-handlaggare-2", Role.ALERT_OFFICER, "IAF")
PROTECTED = common_pb2.PROTECTION_PROTECTED
NO_PROTECTION = common_pb2.PROTECTION_NONE
SAME_NUMBER, SAME_DWELLING = pb.LINK_EVIDENCE_SAME_NUMBER, pb.LINK_EVIDENCE_SAME_DWELLING
SAME_ADDRESS, SAME_FLAT = pb.LINK_EVIDENCE_SAME_ADDRESS, pb.LINK_EVIDENCE_SAME_FLAT_IN_PROPERTY


def reported(registry: Registry, caller: Caller = OFFICER, person: str = PERSON, **more: Any) -> str:  # noqa: ANN401
    """An alert of a caller's own unit; another day makes it another report."""
    return str(registry.call("RegisterAlert", a_registration(contract_holder_id_number=person, **more), caller).alert_id)


def flagged(registry: Registry, caller: Caller = INVESTIGATOR, **more: Any) -> str:  # noqa: ANN401
    """A payment of a caller's own unit."""
    request = a_payment(**{"owner_unit": caller.unit, "case_number": f"IAF-{uuid4()}"} | more)
    request.protection = NO_PROTECTION
    return str(registry.call("RegisterSuspectedPayment", request, caller).payment_id)


def asked(registry: Registry, kind: str, record_id: str, caller: Caller, **more: Any) -> pb.ListLinksResponse:  # noqa: ANN401
    answer: pb.ListLinksResponse = registry.call("ListLinks", pb.ListLinksRequest(record_kind=kind, record_id=record_id, **more), caller)
    return answer


def links(registry: Registry, record_id: str, caller: Caller = OFFICER, kind: str = alert.RECORD_KIND) -> dict[str, list[int]]:
    return {link.record_id: list(link.evidence) for link in asked(registry, kind, record_id, caller).links}


def a_decision(one: str, other: str, decision: Any = pb.LINK_DECISION_BROKEN, etag: str = "0", **more: Any) -> pb.DecideLinkRequest:  # noqa: ANN401
    reason = "another_dwelling" if decision == pb.LINK_DECISION_BROKEN else "seen_in_documents"
    values = {"record_kind": alert.RECORD_KIND, "record_id": one, "other_record_id": other, "etag": etag, "reason": reason} | more
    return pb.DecideLinkRequest(request_id=str(uuid4()), decision=decision, **values)


# --- what links ---------------------------------------------------------------------------------------------------------------------


def test_one_dwelling_written_in_two_ways_links_two_reports_and_says_why_in_words(registry: Registry) -> None:
    one = reported(registry, street_address="Exempelgatan 1 B")
    other = reported(registry, person=OTHER_PERSON, street_address="EXEMPELG. 1B", postal_code="58222")
    (link,) = asked(registry, alert.RECORD_KIND, one, OFFICER).links
    assert (link.record_kind, link.record_id, list(link.evidence)) == (alert.RECORD_KIND, other, [SAME_DWELLING])
    assert link.explanation == "Samma bostad: gata, nummer, postnummer och lägenhetsnummer."
    assert (link.is_same, link.decision, link.etag) == (True, pb.LINK_DECISION_UNSPECIFIED, "0")
    assert links(registry, other) == {one: [SAME_DWELLING]}


def test_one_person_links_a_payment_to_the_alert_that_it_made_and_to_the_next_payment(registry: Registry) -> None:
    made = registry.call("RegisterSuspectedPayment", a_payment(population_register_doubted=True), INVESTIGATOR)
    later = flagged(registry)
    expected = {made.draft_alert_id: [SAME_NUMBER], later: [SAME_NUMBER]}
    assert links(registry, made.payment_id, INVESTIGATOR, payment.RECORD_KIND) == expected


def test_a_number_that_is_almost_the_same_is_another_person(registry: Registry) -> None:
    one = flagged(registry, recipient_id_number="195503071739")
    flagged(registry, recipient_id_number="195503071754")
    assert links(registry, one, INVESTIGATOR, payment.RECORD_KIND) == {}


@pytest.mark.parametrize(
    ("more", "evidence"),
    [
        ({"postal_code": "584 37"}, [SAME_ADDRESS, SAME_FLAT]),
        ({"street_address": "Exempelgatan 1 C"}, [SAME_FLAT]),
        ({"apartment_number": "1202"}, None),
        ({"street_address": "Exempelgatan 2", "property_designation": "LINKÖPING EXEMPLET 1:2"}, None),
    ],
)
def test_what_may_be_the_same_is_only_suggested(registry: Registry, more: Mapping[str, Any], evidence: list[int] | None) -> None:
    one, other = reported(registry), reported(registry, person=OTHER_PERSON, **more)
    found = asked(registry, alert.RECORD_KIND, one, OFFICER).links
    assert [(link.record_id, list(link.evidence), link.is_same) for link in found] == ([(other, evidence, False)] if evidence else [])


def test_checks_of_one_supplier_are_linked(registry: Registry) -> None:
    one, other = supplier_checked(registry), supplier_checked(registry, org_number="16 559999 0008")
    supplier_checked(registry, org_number="559999-0016")
    assert links(registry, one, BUYER, supplier.RECORD_KIND) == {other: [SAME_NUMBER]}


def test_who_reads_supplier_checks_says_whether_two_are_of_the_same_supplier(registry: Registry) -> None:
    one, other = supplier_checked(registry), supplier_checked(registry)
    request = a_decision(one, other, pb.LINK_DECISION_CONFIRMED, record_kind=supplier.RECORD_KIND)
    registry.call("DecideLink", request, BUYER)
    (link,) = asked(registry, supplier.RECORD_KIND, one, BUYER).links
    assert link.decision == pb.LINK_DECISION_CONFIRMED
    with pytest.raises(NotFound):
        registry.call("DecideLink", request, IAF_OFFICER)


def test_a_report_that_is_filled_in_is_linked_by_what_it_says_now(registry: Registry) -> None:
    made = registry.call("RegisterSuspectedPayment", a_payment(population_register_doubted=True), INVESTIGATOR)
    other = reported(registry, INVESTIGATOR, OTHER_PERSON)
    assert made.draft_alert_id not in links(registry, other, INVESTIGATOR)
    completed = pb.RegisterAlertRequest(request_id=str(uuid4()), report=a_registration().report, completes_alert_id=made.draft_alert_id)
    registry.call("RegisterAlert", completed, INVESTIGATOR)
    assert links(registry, other, INVESTIGATOR) == {made.draft_alert_id: [SAME_DWELLING]}


def test_links_come_in_pages(registry: Registry) -> None:
    one, *others = (reported(registry, observed_to=f"2026-10-{day:02}") for day in range(1, 6))
    first = asked(registry, alert.RECORD_KIND, one, OFFICER, page=common_pb2.Page(page_size=3))
    rest = asked(registry, alert.RECORD_KIND, one, OFFICER, page=common_pb2.Page(page_size=3, page_token=first.next_page_token))
    assert [link.record_id for link in (*first.links, *rest.links)] == sorted(others)
    assert rest.next_page_token == ""


def clusters(pairs: Mapping[str, Iterable[str]]) -> set[frozenset[str]]:
    """What hangs together."""
    groups = {name: frozenset({name}) for name in pairs}
    for name, others in pairs.items():
        together = groups[name].union(*(groups[other] for other in others))
        groups |= dict.fromkeys(together, together)
    return set(groups.values())


REPORTS: Mapping[str, dict[str, Any]] = {
    "a": {"street_address": "Exempelgatan 1"},
    "b": {"street_address": "Exempelg. 1", "person": OTHER_PERSON},
    "c": {"street_address": "Exempelgatan 9", "person": OTHER_PERSON, "property_designation": "LINKÖPING PROVET 9:9"},
    "d": {"street_address": "Exempelgatan 7", "person": COORDINATION_PERSON, "property_designation": "LINKÖPING PROVET 7:7"},
}


def test_the_clusters_are_the_same_in_every_order_of_arrival(registry: Registry) -> None:
    orders = list(permutations(REPORTS))
    for day, order in enumerate(random.Random(6).sample(orders, 8)):  # noqa: S311  # which orders are tried hides nothing
        caller = Caller("cli", f"handlaggare-{day}", Role.ALERT_OFFICER, ("KLF", "MOS", "UTB", "IAF", "SF", "VOF")[day % 6])
        postal_code = f"5{day:04}"  # a town of its own for each order
        ids = {name: reported(registry, caller, **REPORTS[name], postal_code=postal_code, city=f"ort {day}") for name in order}
        names = {record_id: name for name, record_id in ids.items()}
        found = {name: {names[each] for each in links(registry, ids[name], caller) if each in names} for name in REPORTS}
        assert clusters(found) == {frozenset("abc"), frozenset("d")}, order


# --- what a person says ---------------------------------------------------------------------------------------------------------------


def test_a_person_breaks_a_link_and_it_stays_broken_whatever_comes_later(registry: Registry) -> None:
    one, other = reported(registry), reported(registry, person=OTHER_PERSON)
    request = a_decision(one, other)
    made = registry.call("DecideLink", request, OFFICER)
    assert registry.call("DecideLink", request, OFFICER) == made == pb.DecideLinkResponse(decision=pb.LINK_DECISION_BROKEN, etag="1")
    third = reported(registry, observed_to="2026-10-07")
    registry.call("AssessAlert", an_assessment(other), OFFICER)
    found = {link.record_id: link for link in asked(registry, alert.RECORD_KIND, other, OFFICER).links}
    assert {name: link.decision for name, link in found.items()} == {one: pb.LINK_DECISION_BROKEN, third: pb.LINK_DECISION_UNSPECIFIED}
    assert (found[one].reason, found[one].decided_by, found[one].etag) == ("another_dwelling", OFFICER.person, "1")


def test_a_confirmed_link_stays_when_the_records_no_longer_have_anything_in_common(registry: Registry) -> None:
    one, other = reported(registry), reported(registry, person=OTHER_PERSON, postal_code="584 37")
    registry.call("DecideLink", a_decision(one, other, pb.LINK_DECISION_CONFIRMED), OFFICER)
    back = an_assessment(other, assessment=pb.ALERT_ASSESSMENT_NEEDS_COMPLETION)
    registry.call("AssessAlert", back, OFFICER)
    report = a_registration(
        contract_holder_id_number=OTHER_PERSON, street_address="Provgatan 2", property_designation="LINKÖPING PROVET 2:2"
    ).report
    registry.call("RegisterAlert", pb.RegisterAlertRequest(request_id=str(uuid4()), report=report, completes_alert_id=other), OFFICER)
    (link,) = asked(registry, alert.RECORD_KIND, one, OFFICER).links
    assert (list(link.evidence), link.decision, link.is_same) == ([], pb.LINK_DECISION_CONFIRMED, False)


def test_a_decision_can_be_changed_and_each_leaves_its_trace(registry: Registry) -> None:
    one, other = reported(registry), reported(registry, person=OTHER_PERSON)
    registry.call("DecideLink", a_decision(one, other), OFFICER)
    with pytest.raises(Conflict) as refused:
        registry.call("DecideLink", a_decision(one, other, pb.LINK_DECISION_CONFIRMED), OFFICER)
    assert refused.value.reason is ConflictReason.ETAG
    registry.call("DecideLink", a_decision(other, one, pb.LINK_DECISION_CONFIRMED, etag="1"), OFFICER)
    steps = registry.rows("SELECT from_state, to_state, person FROM history WHERE record_kind = 'link' ORDER BY revision")
    assert [tuple(step.values()) for step in steps] == [(None, "broken", OFFICER.person), ("broken", "confirmed", OFFICER.person)]
    assert registry.events().count("registry:link:decide/done") == 4
    assert registry.events()[-3] == "registry:DecideLink/refused"


@pytest.mark.parametrize(
    "more",
    [
        {"reason": "för att"},
        {"reason": "seen_in_documents"},
        {"decision": pb.LINK_DECISION_CONFIRMED, "reason": "another_person"},
        {"decision": 0},
    ],
)
def test_a_decision_needs_a_reason_of_the_list_for_it(registry: Registry, more: Mapping[str, Any]) -> None:
    one, other = reported(registry), reported(registry, person=OTHER_PERSON)
    with pytest.raises(Invalid, match=r"^(reason|decision):"):
        registry.call("DecideLink", a_decision(one, other, **more), OFFICER)


def test_two_records_with_nothing_in_common_are_not_linked_by_a_word(registry: Registry) -> None:
    one, other = (
        reported(registry),
        reported(registry, person=OTHER_PERSON, street_address="Provgatan 2", property_designation="PROVET 2:2"),
    )
    for nothing in (other, one, str(uuid4())):
        with pytest.raises(NotFound):
            registry.call("DecideLink", a_decision(one, nothing, pb.LINK_DECISION_CONFIRMED), OFFICER)


# --- who sees what --------------------------------------------------------------------------------------------------------------------


def test_a_link_is_there_only_for_one_who_may_read_both_records(registry: Registry) -> None:
    made = registry.call("RegisterSuspectedPayment", a_payment(population_register_doubted=True), INVESTIGATOR)
    flag, draft = made.payment_id, made.draft_alert_id
    assert links(registry, draft, INVESTIGATOR) == links(registry, draft, APPROVER) == {flag: [SAME_NUMBER]}
    assert links(registry, draft, IAF_OFFICER) == {}
    assert links(registry, flag, MANAGER, payment.RECORD_KIND) == {}
    for caller in (IAF_OFFICER, OFFICER, VOF_INVESTIGATOR, BUYER):
        with pytest.raises(NotFound):
            asked(registry, payment.RECORD_KIND, flag, caller)
    with pytest.raises(NotFound):
        registry.call("DecideLink", a_decision(draft, flag), IAF_OFFICER)
    with pytest.raises(Denied):
        asked(registry, alert.RECORD_KIND, draft, LANDLORD)


def test_units_are_not_linked_to_each_other(registry: Registry) -> None:
    one, other = reported(registry), reported(registry, MOS_OFFICER)
    assert links(registry, one) == links(registry, other, MOS_OFFICER) == {}
    with pytest.raises(NotFound):
        registry.call("DecideLink", a_decision(one, other), OFFICER)
    with pytest.raises(NotFound):
        links(registry, other)


def test_a_withdrawn_record_takes_with_it_what_it_mentioned(registry: Registry) -> None:
    one, other = reported(registry), reported(registry, observed_to="2026-10-07")
    registry.call("WithdrawAlert", pb.WithdrawAlertRequest(request_id=str(uuid4()), alert_id=one, etag="1"), OFFICER)
    assert links(registry, other) == links(registry, one) == {}
    assert registry.rows("SELECT count(*) FROM subject") == [{"count": 1}]
    registry.call("WithdrawAlert", pb.WithdrawAlertRequest(request_id=str(uuid4()), alert_id=other, etag="1"), OFFICER)
    assert registry.rows("SELECT count(*) FROM subject UNION ALL SELECT count(*) FROM mention") == [{"count": 0}, {"count": 0}]


def test_a_protected_person_is_linked_to_nothing_through_any_record(registry: Registry) -> None:
    one, other = reported(registry), reported(registry, observed_to="2026-10-07")
    neighbour = reported(registry, person=OTHER_PERSON)
    assert set(links(registry, neighbour)) == {one, other}
    registry.call("AssessAlert", an_assessment(one, protection_check=a_check(PROTECTED)), OFFICER)
    assert links(registry, neighbour) == {}
    with pytest.raises(NotFound):
        links(registry, other)
    assert registry.rows("SELECT protection FROM subject ORDER BY protection") == [{"protection": "protected"}, {"protection": "unknown"}]
    reported(registry, observed_to="2026-10-08")
    assert links(registry, neighbour) == {}


def test_what_the_register_says_of_an_identity_is_kept_with_the_person(registry: Registry) -> None:
    one, other = (reported(registry, person=COORDINATION_PERSON, observed_to=day) for day in ("2026-10-06", "2026-10-07"))
    assert asked(registry, alert.RECORD_KIND, other, OFFICER).identity_level == common_pb2.IDENTITY_LEVEL_UNSPECIFIED
    check = a_check()
    check.identity_level = common_pb2.IDENTITY_LEVEL_UNCERTAIN
    registry.call("AssessAlert", an_assessment(one, protection_check=check), OFFICER)
    assert asked(registry, alert.RECORD_KIND, other, OFFICER).identity_level == common_pb2.IDENTITY_LEVEL_UNCERTAIN


def test_nothing_that_links_can_be_read_in_the_database(registry: Registry) -> None:
    reported(registry)
    flagged(registry)
    stored = repr(registry.rows("SELECT subject.*, mention.* FROM subject, mention")).casefold()
    assert not [secret for secret in (PERSON, "exempel", "1201", "58222") if secret in stored]


# --- the samples ------------------------------------------------------------------------------------------------------------------------


def test_the_samples_are_linked_as_their_files_say(registry: Registry) -> None:
    """Worked out by reading the files: one street, number and flat at two postal codes; one recipient written in two forms; the drafts."""
    owners = samples.alerts(registry, samples.sample("fastighetsagare.csv", alert.TABLE.headings))
    flags = samples.payments(registry, samples.sample("iaf_utbetalningar.csv", payment.TABLE.headings))
    name = {row.record_id: f"rad {row.row}" for row in owners if row.record_id}
    name |= {row.record_id: f"flagga {row.row}" for row in flags if row.record_id}
    drafts = registry.rows("SELECT id, payment_id FROM alert WHERE payment_id IS NOT NULL")
    name |= {str(row["id"]): f"utkast {name[str(row['payment_id'])].split()[1]}" for row in drafts}
    found: dict[tuple[str, ...], list[int]] = {}
    for row in registry.rows("SELECT record_id, record_kind, unit FROM mention"):
        record_id, caller = str(row["record_id"]), OFFICER if row["unit"] == "KLF" else INVESTIGATOR
        for other, evidence in links(registry, record_id, caller, row["record_kind"]).items():
            found[tuple(sorted((name[record_id], name[other])))] = evidence
    own_drafts = ["2", "9", "21", "24", "28", "32", "36", "37", "38", "46", "50"]
    assert found == {
        ("rad 50", "rad 8"): [SAME_ADDRESS],
        ("flagga 15", "flagga 32"): [SAME_NUMBER],
        ("flagga 15", "utkast 32"): [SAME_NUMBER],
        **{(f"flagga {row}", f"utkast {row}"): [SAME_NUMBER] for row in own_drafts},
    }
