"""Walls inside the kommun, and the rules of a decision, on the whole running stack."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import grpc
import psycopg
import pytest
from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as registry
from los.sharing.v1 import sharing_pb2 as sharing

from cli.client import Session, Stack
from cli.walk import checked, wait_for
from infra import stack
from services.kernel.errors import Conflict, Denied, NotFound
from services.kernel.ids import new_id
from services.kernel.rpc import connect, failure_of
from services.sharing.service.servicer import RULES

PERSON = "193101139198"  # samples/testpersonnummer.txt
WRITTEN = ("register_datum", "facts", "apartment_number_checked", "special_reasons", "protection_checked")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stack.Stack]:
    with stack.start(tmp_path_factory.mktemp("walls") / "data", lambda _: None) as found:
        yield found


@pytest.fixture(scope="module")
def client(running: stack.Stack) -> Stack:
    return Stack(running.folder.root)


@pytest.fixture
def officer(client: Stack) -> Iterator[Session]:
    with client.speaking_for(client.person("klf-handlaggare-1")) as session:
        yield session


@pytest.fixture
def second(client: Stack) -> Iterator[Session]:
    with client.speaking_for(client.person("klf-beslutare-1")) as session:
        yield session


@pytest.fixture
def outsider(client: Stack) -> Iterator[Session]:
    with client.speaking_for(client.person("iaf-utredare-1")) as session:
        yield session


def refused(call: Callable[[], Any]) -> Exception:
    with pytest.raises(grpc.RpcError) as error:
        call()
    return failure_of(error.value)


def an_alert(officer: Session) -> registry.RegisterAlertResponse:
    report = registry.AlertReport(
        source_kind="own",
        property_designation="LINKÖPING PROVET 1:1",
        street_address=f"Provgatan {uuid4().int % 10**9}",
        postal_code="58222",
        city="Linköping",
        apartment_number="1201",
        contract_holder_name="Alma Prov",
        contract_holder_id_number=PERSON,
        observed_from="2026-10-01",
        observed_to="2026-11-01",
        observation_types=["apartment_empty"],
    )
    made: registry.RegisterAlertResponse = officer.registry.RegisterAlert(
        registry.RegisterAlertRequest(request_id=str(uuid4()), report=report)
    )
    return made


def an_assessment(made: registry.RegisterAlertResponse) -> registry.AssessAlertRequest:
    return registry.AssessAlertRequest(
        request_id=str(uuid4()),
        alert_id=made.alert_id,
        etag=made.etag,
        assessment=registry.ALERT_ASSESSMENT_ASSUME_ERROR,
        wrong_flat_checked=True,
        suspected_error_kind="not_living_at_registered_dwelling",
        concerns_contract_holder=True,
        protection_check=checked(),
        reasons="Prov.",
    )


def offered(officer: Session) -> str:
    """An assessed alert's offer."""
    made = an_alert(officer)
    officer.registry.AssessAlert(an_assessment(made))
    found: list[str] = []

    def arrived() -> bool:
        request = sharing.ListOffersRequest(page=common_pb2.Page(page_size=100), states=[sharing.OFFER_STATE_WAITING])
        found.extend(row.offer_id for row in officer.sharing.ListOffers(request).offers if row.record_id == made.alert_id)
        return bool(found)

    wait_for("offer", arrived)
    return found[0]


def preview(officer: Session, offer_id: str, points: tuple[str, ...] = WRITTEN) -> sharing.PreviewDisclosureResponse:
    written = [sharing.WrittenPoint(point=point, text="Ja.") for point in points]
    request = sharing.PreviewDisclosureRequest(request_id=str(uuid4()), offer_id=offer_id, written=written)
    shown: sharing.PreviewDisclosureResponse = officer.sharing.PreviewDisclosure(request)
    return shown


def a_decision(shown: sharing.PreviewDisclosureResponse, payload_hash: str | None = None) -> sharing.DecideDisclosureRequest:
    return sharing.DecideDisclosureRequest(
        request_id=str(uuid4()),
        preview_id=shown.preview_id,
        payload_hash=payload_hash or shown.payload_hash,
        decision=sharing.DECISION_SEND,
        delegation_reference="4.2",
    )


def an_approval(disclosure_id: str, payload_hash: str) -> sharing.ApproveDisclosureRequest:
    return sharing.ApproveDisclosureRequest(
        request_id=str(uuid4()),
        disclosure_id=disclosure_id,
        payload_hash=payload_hash,
        decision=sharing.DECISION_SEND,
        delegation_reference="4.2",
    )


def test_another_namnds_record_is_not_there(officer: Session, outsider: Session) -> None:
    made = an_alert(officer)
    absent = refused(lambda: outsider.registry.GetAlert(registry.GetAlertRequest(alert_id=str(new_id()))))
    theirs = refused(lambda: outsider.registry.GetAlert(registry.GetAlertRequest(alert_id=made.alert_id)))
    assert isinstance(theirs, NotFound)
    assert str(theirs) == str(absent)


def test_another_namnds_offer_is_not_there(officer: Session, outsider: Session) -> None:
    offer_id = offered(officer)
    assert isinstance(refused(lambda: preview(outsider, offer_id)), NotFound)
    assert offer_id not in {row.offer_id for row in outsider.sharing.ListOffers(sharing.ListOffersRequest()).offers}


def test_two_persons_decide_and_then_the_bytes_are_those_that_were_shown(officer: Session, second: Session) -> None:
    shown = preview(officer, offered(officer))
    decided = officer.sharing.DecideDisclosure(a_decision(shown))
    assert decided.state == sharing.DISCLOSURE_STATE_AWAITING_APPROVAL
    approved = second.sharing.ApproveDisclosure(an_approval(decided.disclosure_id, shown.payload_hash))
    assert approved.state == sharing.DISCLOSURE_STATE_DECIDED
    told = second.sharing.GetDisclosure(sharing.GetDisclosureRequest(disclosure_id=decided.disclosure_id))
    assert told.payload == shown.payload
    assert told.disclosure.decided_by != told.disclosure.approved_by


def test_nobody_approves_the_own_decision(officer: Session) -> None:
    shown = preview(officer, offered(officer))
    decided = officer.sharing.DecideDisclosure(a_decision(shown))
    assert isinstance(refused(lambda: officer.sharing.ApproveDisclosure(an_approval(decided.disclosure_id, shown.payload_hash))), Conflict)


def test_a_decision_names_exactly_what_was_shown(officer: Session) -> None:
    shown = preview(officer, offered(officer))
    assert isinstance(refused(lambda: officer.sharing.DecideDisclosure(a_decision(shown, "0" * 64))), Conflict)


def test_a_decision_waits_until_every_point_is_written(officer: Session) -> None:
    shown = preview(officer, offered(officer), points=())
    assert set(shown.missing_points) == set(WRITTEN)
    assert isinstance(refused(lambda: officer.sharing.DecideDisclosure(a_decision(shown))), Conflict)


def test_the_same_decision_twice_is_one_decision(officer: Session) -> None:
    request = a_decision(preview(officer, offered(officer)))
    first = officer.sharing.DecideDisclosure(request)
    assert officer.sharing.DecideDisclosure(request) == first


def test_a_withdrawn_record_empties_the_offer_and_voids_the_preview(officer: Session) -> None:
    made = an_alert(officer)
    assessed = officer.registry.AssessAlert(an_assessment(made))

    def states() -> set[int]:
        request = sharing.ListOffersRequest(page=common_pb2.Page(page_size=100))
        return {row.state for row in officer.sharing.ListOffers(request).offers if row.record_id == made.alert_id}

    wait_for("offer", lambda: states() == {sharing.OFFER_STATE_WAITING})
    request = registry.WithdrawAlertRequest(request_id=str(uuid4()), alert_id=made.alert_id, etag=assessed.etag)
    officer.registry.WithdrawAlert(request)
    wait_for("withdrawal", lambda: states() == {sharing.OFFER_STATE_WITHDRAWN})


def test_only_the_owning_service_offers_a_record(officer: Session) -> None:
    request = sharing.OfferRecordRequest(
        event_id=str(uuid4()),
        record_id=str(uuid4()),
        revision=1,
        receiver_kind="kronofogden",
        unit="KLF",
        police_report=common_pb2.PoliceReport(),
    )
    assert isinstance(refused(lambda: officer.sharing.OfferRecord(request)), Denied)


def test_a_caller_without_an_assertion_is_nobody(running: stack.Stack, client: Stack) -> None:
    with connect(running.addresses["sharing"], "sharing", client.tls) as channel:
        for method in RULES:
            call: Callable[..., bytes] = channel.unary_unary(f"/los.sharing.v1.SharingService/{method}")
            with pytest.raises(grpc.RpcError) as error:
                call(b"", timeout=5)
            assert error.value.code() == grpc.StatusCode.PERMISSION_DENIED


def test_every_read_decision_and_refusal_leaves_a_row(running: stack.Stack, officer: Session, outsider: Session) -> None:
    made = an_alert(officer)
    officer.registry.GetAlert(registry.GetAlertRequest(alert_id=made.alert_id))
    refused(lambda: outsider.registry.GetAlert(registry.GetAlertRequest(alert_id=made.alert_id)))
    with psycopg.connect(running.postgres.url()) as database:
        rows = database.execute("SELECT person, event, outcome FROM registry.audit").fetchall()
        columns = database.execute("SELECT details::text FROM registry.audit").fetchall()
    assert ("klf-handlaggare-1", "registry:alert:read", "done") in rows
    assert ("iaf-utredare-1", "registry:GetAlert", "refused") in rows
    assert not [text for (text,) in columns if PERSON in text or "Alma" in text]


def test_nothing_personal_is_readable_in_the_database(running: stack.Stack, officer: Session) -> None:
    offered(officer)
    for table in ("registry.alert", "sharing.offer", "sharing.preview", "sharing.disclosure", "registry.request"):
        with psycopg.connect(running.postgres.url()) as database, database.cursor().copy(f"COPY {table} TO STDOUT (FORMAT binary)") as copy:
            content = b"".join(copy)
        assert PERSON.encode() not in content, table
        assert b"Alma" not in content, table


def test_a_service_role_cannot_rewrite_the_audit_or_read_another_schema(running: stack.Stack) -> None:
    with psycopg.connect(running.postgres.url("registry"), autocommit=True) as database:
        for statement in ("UPDATE registry.audit SET event = 'x'", "DELETE FROM registry.audit", "SELECT * FROM sharing.disclosure"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                database.execute(statement)
