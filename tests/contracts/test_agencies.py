"""Agencies and receiver kinds are written where they are used; here they are held to be the same."""

from infra.topics import AGENCIES, PRINCIPALS, TOPICS
from services.kernel.reference import reference


def test_the_topics_are_those_of_the_agencies() -> None:
    agencies = {agency.code for agency in reference().agencies}
    assert {agency.name for agency in AGENCIES} == agencies
    assert {topic.name for topic in TOPICS} == {f"los.{way}.{agency}.v1" for way in ("share", "reply") for agency in agencies | {"sandbox"}}


def test_each_agency_has_the_receiver_kinds_that_have_a_key() -> None:
    for agency in AGENCIES:
        keyed = {receiver.code for receiver in reference().receivers if receiver.agency == agency.name and receiver.keyed}
        assert set(agency.receiver_kinds) == keyed


def test_an_agency_reads_its_own_topic_and_writes_its_own_replies_and_nothing_else() -> None:
    for topic in TOPICS:
        _, way, agency, _ = topic.name.split(".")
        writer, reader = ("sandboxkommun", "sandboxkommun") if agency == "sandbox" else ("relay", "sharing")
        assert (topic.writers, topic.readers) == (((writer,), (agency,)) if way == "share" else ((agency,), (reader,)))
    assert set(PRINCIPALS) == {"relay", "sharing", "sandbox", "sandboxkommun", *(agency.name for agency in AGENCIES)}
