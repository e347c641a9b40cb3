"""Observations at a visit and what is told of them: PostgreSQL, gRPC, mTLS; only sharing is a fake."""

from dataclasses import replace
from typing import Any

import pytest
from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2, findings_pb2

from services.controls.domain.checklists import checklists, measures
from services.controls.domain.findings import receivers
from services.kernel.errors import Conflict, ConflictReason, Denied, Invalid, NotFound
from services.kernel.identity import OrgNumber
from services.kernel.reference import reference
from tests.controls.builders import SOLE_TRADER
from tests.controls.conftest import PERSON, Controls
from tests.controls.finding_acts import ALCOHOL, COLLEAGUE, INSPECTOR, STRANGER, TEXT, TODAY, Day, an_id, seen

FK, POLICE = "forsakringskassan", "polismyndigheten"

# What an inspector may not say was seen, and the field that the refusal names first.
REFUSED: tuple[tuple[dict[str, Any], str], ...] = (
    ({"control_ground_id": "aml-tillsyn", "area": "work_environment"}, "control_ground_id"),
    ({"control_ground_id": "alkohollagen-tillsyn", "area": "alcohol"}, "control_ground_id"),
    ({"area": "food"}, "area"),
    ({"area": "staff_register"}, "area"),
    ({"severity": findings_pb2.SEVERITY_UNSPECIFIED}, "severity"),
    ({"is_deficiency": False}, "severity"),
    ({"text": f"Ägaren {SOLE_TRADER} var där"}, "text"),
    ({"text": "x" * 1001}, "seen.text"),
)
OBSERVATION_GUARDS = {("RecordObservation", says) for _, says in REFUSED}


def test_every_checklist_names_grounds_areas_and_measures_that_exist_and_a_unit_only_its_own_supervision() -> None:
    assert {row.authority for row in checklists().lists} & {unit.code for unit in reference().units} == {"MOS", "SF"}
    assert len(checklists().areas) == 15  # workflows 4.2
    assert len(measures().types) == 14
    assert checklists().units_of("alkohollagen-tillsyn") == {"SF"}
    assert checklists().units_of("aml-tillsyn") == frozenset()
    assert receivers() == {"skatteverket-beskattning", FK, POLICE}


def test_an_inspector_sees_the_own_lists_at_a_visit_and_the_coordinator_everybodys_for_information(controls: Controls) -> None:
    day = Day(controls)
    day.record()
    day.record(ALCOHOL, control_ground_id="tobakslagen-tillsyn", area="tobacco")
    of_visit = findings_pb2.GetChecklistsRequest(visit_id=day.visit_id)
    own = controls.call("GetChecklists", of_visit, INSPECTOR).checklists
    assert [row.code for row in own] == ["mos-bygglov", "mos-miljo-livsmedel"]
    assert {item.area: item.observations for item in own[0].items} == {"building_permit": 0, "illegal_lodging": 1, "other": 0}
    assert len(controls.call("GetChecklists", findings_pb2.GetChecklistsRequest()).checklists) == 10
    with pytest.raises(NotFound):
        controls.call("GetChecklists", of_visit, STRANGER)


def test_an_observation_is_recorded_once_on_a_bad_connection_and_its_text_is_sealed(controls: Controls) -> None:
    day = Day(controls)
    request = findings_pb2.RecordObservationRequest(request_id=an_id(), visit_id=day.visit_id, seen=seen())
    answers = [controls.call("RecordObservation", request, INSPECTOR) for _ in range(3)]
    assert len({answer.observation_id for answer in answers}) == 1
    [kept] = day.observations()
    assert (kept.seen, kept.authority, kept.observed_date, kept.recorded_by) == (seen(), "MOS", TODAY, "mos-inspektor-1")
    [row] = controls.rows("SELECT * FROM observation")
    assert TEXT not in str(row)
    assert TEXT.encode() not in row["text"]
    assert [row["to_state"] for row in controls.rows("SELECT * FROM history WHERE record_id = %s", kept.observation_id)] == ["recorded"]
    assert controls.events().count("controls:observation:record/done") == 1


@pytest.mark.parametrize(("fields", "says"), REFUSED)
def test_an_inspector_records_only_what_the_own_law_looks_at_and_never_a_person(
    controls: Controls, fields: dict[str, Any], says: str
) -> None:
    day = Day(controls)
    with pytest.raises(Invalid, match=f"^{says}: ") as refused:
        day.record(**fields)
    assert SOLE_TRADER not in refused.value.message
    assert controls.rows("SELECT * FROM observation") == []


def test_only_the_unit_that_made_an_observation_reads_or_changes_it(controls: Controls) -> None:
    day = Day(controls)
    observation_id = day.record().observation_id
    assert day.observations(ALCOHOL) == []
    for who in (ALCOHOL, STRANGER):
        for method, more in (("ChangeObservation", {"seen": seen()}), ("WithdrawObservation", {}), ("OfferFinding", {"receiver_kind": FK})):
            with pytest.raises(NotFound):
                day.act(method, observation_id, who, "1", **more)
    for method in ("ListObservations", "RecordObservation", "OfferFinding"):
        with pytest.raises(Denied):
            controls.call(method, getattr(findings_pb2, f"{method}Request")(), PERSON)
    day.act("ChangeObservation", observation_id, COLLEAGUE, seen=seen(text="Sex madrasser"))
    assert day.observation(observation_id).seen.text == "Sex madrasser"
    assert [flag.area for flag in day.board()["MOS"].observations] == ["illegal_lodging"]
    assert "Sex madrasser" not in str(day.board())


def test_who_does_not_take_part_records_nothing_and_cannot_tell_a_visit_from_none(controls: Controls) -> None:
    day = Day(controls)
    refusals = []
    for visit_id in (day.visit_id, an_id()):
        with pytest.raises(NotFound) as refused:
            controls.call(
                "RecordObservation", findings_pb2.RecordObservationRequest(request_id=an_id(), visit_id=visit_id, seen=seen()), STRANGER
            )
        refusals.append(str(refused.value))
    assert len(set(refusals)) == 1


def test_nothing_is_found_before_the_visit_has_begun(controls: Controls) -> None:
    day = Day(controls, begun=False)
    with pytest.raises(Conflict, match=r"^visit_id: "):
        day.record()
    with pytest.raises(Conflict, match=r"^visit_id: "):
        day.measure()
    with pytest.raises(Conflict, match=r"^visit_id: "):
        day.told()
    day.begin()
    day.record()


def test_a_change_names_the_revision_that_it_was_made_from_and_is_appended_to_the_history(controls: Controls) -> None:
    day = Day(controls)
    observation_id = day.record().observation_id
    day.act("ChangeObservation", observation_id, seen=seen(severity=findings_pb2.SEVERITY_ACUTE))
    with pytest.raises(Conflict) as stale:
        day.act("ChangeObservation", observation_id, etag="1", seen=seen())
    assert stale.value.reason == ConflictReason.ETAG
    day.act("WithdrawObservation", observation_id, COLLEAGUE)
    with pytest.raises(Conflict, match=r"^state: "):
        day.act("ChangeObservation", observation_id, seen=seen())
    steps = controls.rows("SELECT * FROM history WHERE record_id = %s AND record_kind = 'observation' ORDER BY revision", observation_id)
    assert [(step["revision"], step["to_state"], step["person"]) for step in steps] == [
        (1, "recorded", "mos-inspektor-1"),
        (2, "recorded", "mos-inspektor-1"),
        (3, "withdrawn", "mos-inspektor-2"),
    ]


# the second wave ----------------------------------------------------------------------------------------------------------------


def told(controls: Controls, observation_id: str, receiver: str) -> list[str | None]:
    controls.outbox.run_once()
    return controls.sharing.contents(observation_id, receiver)


def test_a_finding_is_offered_to_one_receiver_with_facts_of_the_company_alone(controls: Controls) -> None:
    day = Day(controls)
    observation_id = day.record().observation_id
    day.act("ChangeObservation", observation_id, COLLEAGUE, seen=seen(severity=findings_pb2.SEVERITY_ACUTE))
    day.act("OfferFinding", observation_id, receiver_kind=FK)
    [row] = controls.rows("SELECT * FROM outbox WHERE kind = 'finding'")
    assert row["payload"] == {"receiver_kind": FK, "revision": "1"}
    assert told(controls, observation_id, FK) == ["control_finding"]
    [offer] = [one for one in controls.sharing.taken.values() if one.record_id == observation_id]
    assert (offer.unit, list(offer.secrecy), offer.matter, offer.on_request, offer.revision) == ("MOS", [], "", False, 1)
    assert offer.handled_by == ["mos-inspektor-1", "mos-inspektor-2"]
    number = controls.rows("SELECT * FROM control_object")[0]
    assert offer.control_finding == common_pb2.ControlFinding(
        control=common_pb2.ControlFacts(reference="LOS-2026-07"),
        finding=common_pb2.FindingFacts(
            observed_at=TODAY,
            observing_authority=reference().units["MOS"].authority,
            own_legal_ground_id="pbl-tillsyn",
            category="illegal_lodging",
            facts=[common_pb2.Circumstance(code="illegal_lodging")],
            object_org_number="559999-0008",
            object_address=f"{number['street_address']}, 582 22 Linköping",
        ),
    )


def test_an_offer_names_no_more_hands_than_sharing_takes(controls: Controls) -> None:
    day = Day(controls)
    observation_id = day.record().observation_id
    people = [replace(INSPECTOR, person=f"mos-inspektor-{number}") for number in range(2, 24)]
    for who in people:
        day.act("ChangeObservation", observation_id, who, seen=seen(text=str(who.person)))
    day.act("OfferFinding", observation_id, people[-1], receiver_kind=FK)
    assert told(controls, observation_id, FK) == ["control_finding"]
    [offer] = [one for one in controls.sharing.taken.values() if one.record_id == observation_id]
    assert list(offer.handled_by) == [who.person for who in people[-20:]]


def test_what_is_told_of_a_licensed_place_names_its_permit_and_an_offence_against_miljobalken_its_matter(controls: Controls) -> None:
    day = Day(controls, serving_permit=True)
    alcohol = day.record(ALCOHOL, control_ground_id="alkohollagen-tillsyn", area="alcohol").observation_id
    day.act("OfferFinding", alcohol, ALCOHOL, "1", receiver_kind="skatteverket-beskattning", on_request=True)
    environment = day.record(control_ground_id="miljobalken-tillsyn", area="environment").observation_id
    day.act("OfferFinding", environment, receiver_kind=POLICE, offence_suspected=True)
    day.act("OfferFinding", environment, receiver_kind=FK)
    controls.outbox.run_once()
    offers = {one.receiver_kind: one for one in controls.sharing.taken.values() if one.HasField("control_finding")}
    assert {kind: (one.matter, one.on_request) for kind, one in offers.items()} == {
        "skatteverket-beskattning": ("alcohol", True),
        POLICE: ("environment", False),
        FK: ("", False),
    }
    assert offers["skatteverket-beskattning"].control_finding.licence.holder == "Demo Bilvård AB"
    assert not offers[POLICE].control_finding.HasField("licence")


@pytest.mark.parametrize(
    "place",
    [
        {"org_number": OrgNumber.parse(SOLE_TRADER), "company_name": "Ägaren Persson"},
        {"org_number": None, "company_name": "", "trading_name": "", "sni_code": ""},
    ],
)
def test_of_an_enskild_firma_or_of_what_may_be_a_home_nothing_is_offered(controls: Controls, place: dict[str, Any]) -> None:
    day = Day(controls, **place)
    observation_id = day.record().observation_id
    with pytest.raises(Conflict, match=r"^object: "):
        day.act("OfferFinding", observation_id, receiver_kind=FK)
    assert controls.rows("SELECT * FROM outbox WHERE kind = 'finding'") == []
    day.act("DecideNothingToTell", observation_id)
    assert day.observation(observation_id).second_wave == findings_pb2.SECOND_WAVE_NOTHING


def test_what_is_no_deficiency_has_no_sentence_or_no_lawful_receiver_is_not_offered(controls: Controls) -> None:
    day = Day(controls)
    unspecified = findings_pb2.SEVERITY_UNSPECIFIED
    fine = day.record(is_deficiency=False, severity=unspecified).observation_id
    other, lodging = day.record(area="other").observation_id, day.record().observation_id
    for observation_id, receiver, offence, says in (
        (fine, FK, False, "is_deficiency"),
        (other, FK, False, "area"),
        (lodging, "kronofogden", False, "receiver_kind"),
        (lodging, POLICE, True, "offence_suspected"),
    ):
        with pytest.raises((Conflict, Invalid), match=f"^{says}: "):
            day.act("OfferFinding", observation_id, receiver_kind=receiver, offence_suspected=offence)
    day.act("OfferFinding", lodging, receiver_kind=FK)
    with pytest.raises(Conflict) as twice:
        day.act("OfferFinding", lodging, receiver_kind=FK)
    assert twice.value.reason == ConflictReason.DUPLICATE
    for observation_id in (fine, lodging):
        with pytest.raises(Conflict, match=r"^second_wave: "):
            day.act("DecideNothingToTell", observation_id)


def test_a_changed_finding_is_offered_anew_only_when_what_is_told_changes(controls: Controls) -> None:
    day = Day(controls)
    observation_id = day.record().observation_id
    day.act("OfferFinding", observation_id, receiver_kind=FK)
    assert told(controls, observation_id, FK) == ["control_finding"]
    day.act("ChangeObservation", observation_id, seen=seen(text="Sex madrasser"))
    assert told(controls, observation_id, FK) == ["control_finding"]
    day.act("ChangeObservation", observation_id, seen=seen(area="building_permit"))
    assert told(controls, observation_id, FK) == ["control_finding", "control_finding"]
    day.act("ChangeObservation", observation_id, seen=seen(area="other"))
    assert told(controls, observation_id, FK) == ["control_finding", "control_finding", "withdrawn"]
    assert day.observation(observation_id).second_wave == findings_pb2.SECOND_WAVE_UNDECIDED


def test_a_withdrawn_offer_or_observation_empties_what_sharing_was_offered(controls: Controls) -> None:
    day = Day(controls)
    observation_id = day.record().observation_id
    for receiver in (FK, POLICE):
        day.act("OfferFinding", observation_id, receiver_kind=receiver)
    controls.outbox.run_once()
    day.act("WithdrawFinding", observation_id, receiver_kind=FK)
    assert told(controls, observation_id, FK) == ["control_finding", "withdrawn"]
    with pytest.raises(NotFound):
        day.act("WithdrawFinding", observation_id, receiver_kind=FK)
    assert told(controls, observation_id, POLICE) == ["control_finding"]
    day.act("WithdrawObservation", observation_id)
    assert told(controls, observation_id, POLICE) == ["control_finding", "withdrawn"]


def test_what_became_of_a_finding_comes_back_to_it_and_never_goes_back(controls: Controls) -> None:
    day = Day(controls)
    observation_id = day.record().observation_id
    day.act("OfferFinding", observation_id, receiver_kind=FK)

    def hear(status: common_pb2.OutcomeStatus.ValueType, receiver: str = FK) -> None:
        outcome = common_pb2.RecordOutcome(
            request_id=an_id(),
            record_kind="control_finding",
            record_id=observation_id,
            receiver_kind=receiver,
            disclosure_id=an_id(),
            status=status,
        )
        controls.as_sharing.RecordOutcome(controls_pb2.RecordOutcomeRequest(outcome=outcome), timeout=10)

    hear(common_pb2.OUTCOME_STATUS_RECEIVED)
    hear(common_pb2.OUTCOME_STATUS_SENT)
    [offer] = day.observation(observation_id).offers
    assert offer.status == common_pb2.OUTCOME_STATUS_RECEIVED
    with pytest.raises(Exception, match="NOT_FOUND"):
        hear(common_pb2.OUTCOME_STATUS_SENT, POLICE)


def test_who_decided_about_the_second_wave_and_when_is_in_the_history(controls: Controls) -> None:
    day = Day(controls)
    observation_id = day.record().observation_id
    assert day.board()["MOS"].second_wave_undecided == 1
    day.act("DecideNothingToTell", observation_id)
    day.act("OfferFinding", observation_id, COLLEAGUE, receiver_kind=FK)
    day.act("WithdrawFinding", observation_id, receiver_kind=FK)
    steps = controls.rows("SELECT * FROM history WHERE record_id = %s AND record_kind = 'second_wave' ORDER BY revision", observation_id)
    assert [(step["from_state"], step["to_state"], step["person"]) for step in steps] == [
        ("undecided", "nothing", "mos-inspektor-1"),
        ("nothing", "offered", "mos-inspektor-2"),
        ("offered", "undecided", "mos-inspektor-1"),
    ]


def test_a_unit_that_was_invited_by_name_and_came_with_its_own_ground_records(controls: Controls) -> None:
    day = Day(controls, supervision="SF")
    day.record(ALCOHOL, control_ground_id="tobakslagen-tillsyn", area="tobacco")
    assert [flag.area for flag in day.board()["SF"].observations] == ["tobacco"]


def test_nothing_is_found_where_nobody_opened(controls: Controls) -> None:
    day = Day(controls, begun=False)
    day.open()
    with pytest.raises(Conflict, match=r"^visit_id: "):
        day.record()
    day.finish(controls_pb2.VISIT_STATE_NOT_OPEN)
    with pytest.raises(Conflict, match=r"^visit_id: "):
        day.record()
