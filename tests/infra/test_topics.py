import tomllib
from pathlib import Path

from kafka.admin import ACLOperation, ACLResourcePatternType, ResourceType

from infra import topics
from services.kernel.callers import Role
from services.kernel.reference import reference

AGENCIES = {"skatteverket", "forsakringskassan", "kronofogden", "polisen"}


def may(principal: str, operation: ACLOperation, kind: ResourceType = ResourceType.TOPIC) -> set[str]:
    return {
        right.resource_pattern.resource_name
        for right in topics.rights()
        if right.principal == f"User:{principal}" and right.operation == operation and right.resource_pattern.resource_type == kind
    }


def test_there_is_one_topic_each_way_per_agency() -> None:
    assert {agency.name for agency in topics.AGENCIES} == AGENCIES
    expected = {name for agency in topics.AGENCIES for name in (agency.share_topic, agency.reply_topic)}
    expected |= {"los.share.sandbox.v1", "los.reply.sandbox.v1"}
    assert {topic.name for topic in topics.TOPICS} == expected


def test_agencies_and_receiver_kinds_are_those_of_the_reference_data() -> None:
    keyed = {(one.agency, one.code) for one in reference().receivers if one.keyed}
    assert {(agency.name, kind) for agency in topics.AGENCIES for kind in agency.receiver_kinds} == keyed


def test_an_agency_reads_its_own_topic_and_answers_on_its_own() -> None:
    for agency in AGENCIES:
        assert may(agency, ACLOperation.READ) == {f"los.share.{agency}.v1"}
        assert may(agency, ACLOperation.WRITE) == {f"los.reply.{agency}.v1"}
        assert may(agency, ACLOperation.READ, ResourceType.GROUP) == {f"{agency}."}


def test_the_relay_writes_to_agencies_and_reads_nothing() -> None:
    assert may("relay", ACLOperation.WRITE) == {f"los.share.{agency}.v1" for agency in AGENCIES}
    assert may("relay", ACLOperation.READ) == set()


def test_sharing_reads_replies_and_writes_nothing() -> None:
    assert may("sharing", ACLOperation.READ) == {f"los.reply.{agency}.v1" for agency in AGENCIES}
    assert may("sharing", ACLOperation.WRITE) == set()


def test_no_right_is_for_everybody_or_for_everything() -> None:
    for right in topics.rights():
        assert right.principal.removeprefix("User:") in topics.PRINCIPALS
        assert right.resource_pattern.resource_name.strip("*.")
        is_prefix = right.resource_pattern.pattern_type == ACLResourcePatternType.PREFIXED
        assert is_prefix == (right.resource_pattern.resource_type == ResourceType.GROUP)


def test_records_are_deleted_after_fourteen_days_and_samples_after_one() -> None:
    for topic in topics.TOPICS:
        days = 1 if ".sandbox." in topic.name else 14
        assert (topic.settings["cleanup.policy"], topic.settings["retention.ms"]) == ("delete", str(days * 24 * 3600 * 1000))


def test_the_demos_people_have_roles_and_units_that_exist() -> None:
    people = tomllib.loads(Path(topics.__file__).with_name("people.toml").read_text())["person"]
    units = {unit.code for unit in reference().units}
    assert len({person["id"] for person in people}) == len(people)
    for person in people:
        is_landlord = Role(person["role"]) == Role.LANDLORD_REPORTER
        assert is_landlord == ("organisation" in person)
        assert is_landlord or person["unit"] in units
