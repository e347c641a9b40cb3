from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import grpc
import psycopg
import pytest
from google.rpc import code_pb2, error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from los.sharing.v1 import sharing_pb2, sharing_pb2_grpc
from psycopg_pool import PoolTimeout

from infra.postgres import Postgres
from services.kernel.callers import Role, sign_assertion
from services.kernel.clock import FixedClock
from services.kernel.config import ServiceConfig
from services.kernel.errors import Conflict, ConflictReason, Denied, Failure, Invalid, NotFound, Unavailable
from services.kernel.rpc import RuleMissingError, Server, caller, people, status_of
from tests.kernel.conftest import DESCRIPTOR, NOW, PERSON, RULES, Service, tls

ASK = sharing_pb2.ListGroundsRequest(on="2026-11-23")
MALFORMED = sharing_pb2.ListGroundsRequest(on="2026-11-23T12:00")


def an_offer() -> sharing_pb2.OfferRecordRequest:
    return sharing_pb2.OfferRecordRequest(
        event_id=str(uuid4()), record_id=str(uuid4()), revision=1, receiver_kind="forsakringskassan", unit="IAF"
    )


def test_the_servicer_knows_who_asks(service: Service) -> None:
    seen = []

    def answer(_: object) -> sharing_pb2.ListGroundsResponse:
        seen.append(caller())
        return sharing_pb2.ListGroundsResponse()

    service.servicer.answer = answer
    service.call("ListGrounds", ASK)
    assert seen == [PERSON]


def test_a_person_in_another_role_is_refused_and_the_refusal_is_audited(service: Service) -> None:
    other = replace(PERSON, role=Role.LANDLORD_REPORTER)
    with pytest.raises(Denied):
        service.call("ListGrounds", ASK, other)
    assert service.servicer.asked == []
    assert service.refused == [(other, "ListGrounds", "DENIED", None)]


def test_who_may_not_call_learns_nothing_about_the_question(service: Service) -> None:
    with pytest.raises(Denied):
        service.call("ListGrounds", MALFORMED, replace(PERSON, role=Role.APPROVER))
    with pytest.raises(Invalid, match="on: "):
        service.call("ListGrounds", MALFORMED)


def test_a_service_without_an_assertion_speaks_for_nobody(service: Service) -> None:
    for bearer in ("cli", "registry", "gateway"):
        with pytest.raises(Denied):
            service.call("ListGrounds", ASK, None, bearer)
    assert service.servicer.asked == []


def test_an_assertion_in_the_wrong_hands_opens_nothing(service: Service) -> None:
    for bearer in ("registry", "gateway", "relay"):
        with pytest.raises(Denied):
            service.call("ListGrounds", ASK, PERSON, bearer)


def test_a_method_for_a_service_is_opened_by_its_certificate_and_by_no_person(service: Service) -> None:
    service.call("OfferRecord", an_offer(), None, "registry")
    assert len(service.servicer.asked) == 1
    for bearer in ("cli", "controls"):
        with pytest.raises(Denied):
            service.call("OfferRecord", an_offer(), PERSON, bearer)
    assert len(service.servicer.asked) == 1


def test_an_assertion_that_has_expired_is_refused(service: Service) -> None:
    with pytest.raises(Denied):
        service.call("ListGrounds", ASK, token=sign_assertion(service.key, PERSON, "sharing", NOW - timedelta(seconds=60)))


def test_a_server_of_another_name_is_not_spoken_to(service: Service) -> None:
    with pytest.raises(Unavailable):
        service.call("ListGrounds", ASK, expected="registry")
    assert service.servicer.asked == []


def test_without_a_certificate_of_ours_there_is_no_conversation(service: Service, postgres: Postgres) -> None:
    authority = (postgres.folder.tls / "ca.crt").read_bytes()
    options = [("grpc.ssl_target_name_override", "sharing")]
    with grpc.secure_channel(service.address, grpc.ssl_channel_credentials(authority), options) as channel:
        with pytest.raises(grpc.RpcError) as told:
            health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
        assert told.value.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (Invalid("on: fel."), code_pb2.INVALID_ARGUMENT),
        (NotFound(), code_pb2.NOT_FOUND),
        (Denied("nej."), code_pb2.PERMISSION_DENIED),
        (Unavailable("vänta."), code_pb2.UNAVAILABLE),
        (Conflict("läget."), code_pb2.FAILED_PRECONDITION),
        (Conflict("ändrad.", reason=ConflictReason.ETAG), code_pb2.ABORTED),
        (Conflict("finns.", reason=ConflictReason.DUPLICATE), code_pb2.ALREADY_EXISTS),
        (Conflict("använt.", reason=ConflictReason.REQUEST_REUSED), code_pb2.ALREADY_EXISTS),
        (Failure("annat.", reason="INTERNAL"), code_pb2.INTERNAL),
    ],
    ids=str,
)
def test_a_planned_failure_has_one_status_and_says_its_reason(failure: Failure, code: int) -> None:
    status = status_of(failure)
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (status.code, status.message, info.reason, info.domain) == (code, failure.message, failure.reason, "los")


@pytest.mark.parametrize(
    "failure",
    [Invalid("on: fel."), NotFound(), Denied("nej."), Conflict("läget."), Conflict("ändrad.", reason=ConflictReason.ETAG)],
    ids=lambda one: one.reason,
)
def test_a_failure_is_the_same_on_the_other_side(service: Service, failure: Failure) -> None:
    service.servicer.answer = _raiser(failure)
    with pytest.raises(type(failure)) as told:
        service.call("ListGrounds", ASK)
    assert (told.value.message, told.value.reason) == (failure.message, failure.reason)


def _raiser(error: Exception) -> Any:  # noqa: ANN401
    def act(*_: object) -> None:
        raise error

    return act


def test_a_bug_tells_a_number_and_nothing_of_what_it_was(service: Service) -> None:
    service.servicer.answer = _raiser(RuntimeError("hemligt"))
    with pytest.raises(Failure, match="Uppge nummer") as told:
        service.call("ListGrounds", ASK)
    assert told.value.reason == "INTERNAL"
    assert "hemligt" not in told.value.message


@pytest.mark.parametrize("error", [psycopg.OperationalError("hemligt"), PoolTimeout("hemligt")], ids=lambda one: type(one).__name__)
def test_a_database_that_is_away_is_told_as_such(service: Service, error: Exception) -> None:
    service.servicer.answer = _raiser(error)
    with pytest.raises(Unavailable) as told:
        service.call("ListGrounds", ASK)
    assert "hemligt" not in told.value.message


def test_a_rule_too_few_or_too_many_stops_the_start(config: ServiceConfig) -> None:
    fewer = {name: rule for name, rule in RULES.items() if name != "ListOffers"}
    for rules, said in ((fewer, "ListOffers"), (RULES | {"ReadAll": people()}, "ReadAll")):
        with pytest.raises(RuleMissingError, match=said):
            Server("sharing", config, DESCRIPTOR, rules, lambda *_: None, FixedClock(NOW))


def test_a_refusal_that_cannot_be_audited_gets_no_answer(config: ServiceConfig, postgres: Postgres, service: Service) -> None:
    server = Server("sharing", config, DESCRIPTOR, RULES, _raiser(psycopg.OperationalError()), FixedClock(NOW))
    sharing_pb2_grpc.add_SharingServiceServicer_to_server(service.servicer, server.grpc)
    try:
        other = replace(service, address=f"127.0.0.1:{server.start()}", postgres=postgres)
        with pytest.raises(Unavailable):
            other.call("ListGrounds", ASK, replace(PERSON, role=Role.APPROVER))
    finally:
        server.stop()


@pytest.mark.parametrize(("environment", "known"), [("local", True), ("production", False)])
def test_reflection_is_for_the_local_environment_only(config: ServiceConfig, postgres: Postgres, environment: str, *, known: bool) -> None:
    changed = config.model_copy(update={"environment": environment})
    server = Server("sharing", changed, DESCRIPTOR, RULES, lambda *_: None, FixedClock(NOW))
    files = tls(postgres, "cli")
    credentials = grpc.ssl_channel_credentials(files.ca_file.read_bytes(), files.key_file.read_bytes(), files.certificate_file.read_bytes())
    try:
        with grpc.secure_channel(f"127.0.0.1:{server.start()}", credentials) as channel:
            assert health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10).status == 1
            ask: Any = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
            try:
                list(ask(iter([b""]), timeout=10))
                found = True
            except grpc.RpcError as error:
                found = error.code() is not grpc.StatusCode.UNIMPLEMENTED
            assert found is known
    finally:
        server.stop()
