"""The document of the API: as committed, after DIGG's REST API-profil 1.2 rule by rule, and held against the real stack by schemathesis.

The rules are those of the profile's own linter (rest-api-profil-lint-processor 2.0.0), under the ids that the profile gives them.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import CHECKS

from services.gateway.rest import shapes
from services.gateway.rest.document import document, text
from services.gateway.rest.table import OPERATIONS
from tests.gateway.systems import Issuer

DOCUMENT = document()
COMMITTED = Path(__file__).parents[2] / "docs" / "openapi.json"
PROBLEM = "application/problem+json"
CAMEL = re.compile(r"[a-z][a-zA-Z0-9]*", re.ASCII)


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def responses() -> Iterator[tuple[str, dict[str, Any]]]:
    for _, _, operation in operations():
        for status, response in operation["responses"].items():
            found = response
            for step in response.get("$ref", "").removeprefix("#").strip("/").split("/") if "$ref" in response else ():
                found = DOCUMENT[step] if found is response else found[step]
            yield status, found


def parameters(place: str) -> Iterator[dict[str, Any]]:
    for _, _, operation in operations():
        yield from (each for each in operation["parameters"] if each["in"] == place)


def fields() -> Iterator[str]:
    for schema in DOCUMENT["components"]["schemas"].values():
        yield from schema["properties"]


def segments() -> Iterator[str]:
    for path in DOCUMENT["paths"]:
        yield from (each for each in path.strip("/").split("/") if not each.startswith("{"))


def test_the_committed_document_is_what_the_code_says() -> None:
    assert COMMITTED.read_text(encoding="utf-8") == text(), "python -m services.gateway.rest.document > docs/openapi.json"


def test_dok_01_the_documentation_is_online() -> None:
    assert DOCUMENT["externalDocs"]["url"]
    assert DOCUMENT["externalDocs"]["description"]


def test_dok_03_the_api_is_described_as_a_whole() -> None:
    info = DOCUMENT["info"]
    assert all(info[name] for name in ("title", "version", "description"))
    assert all(info["contact"][name] for name in ("name", "url", "email"))
    assert all(info["license"][name] for name in ("name", "url"))


def test_dok_06_in_swedish_and_english() -> None:
    words = set(re.findall(r"\w+", DOCUMENT["info"]["description"].lower()))
    assert {"och", "är", "som"} <= words
    assert {"and", "the", "is"} <= words


def test_dok_07_and_11_what_it_is_for_is_said() -> None:
    assert DOCUMENT["info"]["description"].strip()


def test_dok_08_the_level_of_service_is_said() -> None:
    assert all(DOCUMENT["info"]["x-sla"][name] for name in ("availability", "responseTime", "support"))


def test_dok_09_limits_are_said() -> None:
    assert DOCUMENT["info"]["x-limitations"]


def test_dok_15_each_request_and_each_answer_has_an_example_that_is_true() -> None:
    contents = [response["content"] for _, response in responses()]
    contents += [operation["requestBody"]["content"] for _, _, operation in operations() if "requestBody" in operation]
    assert all(media["examples"] for content in contents for media in content.values())
    for each in OPERATIONS:
        examples = DOCUMENT["paths"][each.path][each.http.lower()]["responses"]["201" if each.creates else "200"]["content"]
        shape = shapes.told_shape(each.answer) if each.rows is None else shapes.list_shape(each.rows)
        shapes.checked(shape, examples["application/json"]["examples"]["svar"]["value"])


def test_dok_17_the_latest_openapi() -> None:
    assert re.fullmatch(r"3\.1\.\d+", DOCUMENT["openapi"])


def test_dok_18_and_ame_01_and_02_what_is_sent_and_answered_is_json() -> None:
    assert all(
        list(operation["requestBody"]["content"]) == ["application/json"] for _, _, operation in operations() if "requestBody" in operation
    )
    assert all(list(response["content"]) == ["application/json"] for status, response in responses() if int(status) < 400)


def test_dok_19_each_operation_is_described() -> None:
    assert all(operation["description"] for _, _, operation in operations())


def test_dok_20_each_answer_is_described() -> None:
    assert all(response["description"] for _, response in responses())


def test_dot_01_and_04_days_and_instants_are_rfc_3339() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        for name, field in schema["properties"].items():
            if name.endswith(("Time", "plannedStart", "plannedEnd")):
                assert field["format"] == "date-time", name
            if name.endswith("Date"):
                assert field["format"] == "date", name


def test_res_02_no_personal_number_is_a_parameter() -> None:
    names = {each["name"].lower() for place in ("path", "query") for each in parameters(place)}
    assert not names & {"pnr", "personalidentitynumber", "personnummer", "personnr", "ssn", "socialsecuritynumber"}


def test_res_06_and_ufn_07_08_09_paths_are_lower_case_words_with_hyphens() -> None:
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", each) for each in segments())
    assert all("_" not in each["name"] and " " not in each["name"] for each in parameters("path"))


def test_ufn_01_02_and_sak_01_and_ver_05_the_address_is_https_with_name_and_version() -> None:
    assert all(re.fullmatch(r"https://[a-z0-9.-]+/[a-z]+/v[0-9]+", server["url"]) for server in DOCUMENT["servers"])


def test_ufn_05_no_address_is_longer_than_2048_characters() -> None:
    assert all(len(server["url"]) + len(path) < 2048 for server in DOCUMENT["servers"] for path in DOCUMENT["paths"])


def test_ame_04_05_and_07_fields_are_camel_case_throughout() -> None:
    assert [name for name in fields() if not CAMEL.fullmatch(name)] == []


def test_arq_01_requests_are_utf_8_json() -> None:
    assert all("charset" not in kind for _, _, operation in operations() for kind in operation.get("requestBody", {}).get("content", {}))


def test_arq_05_no_header_carries_content() -> None:
    assert {each["schema"]["type"] for each in parameters("header")} == {"string"}


def test_fel_01_and_02_problems_are_rfc_9457() -> None:
    wrong = [response for status, response in responses() if int(status) >= 400]
    assert all(list(response["content"]) == [PROBLEM] for response in wrong)
    assert {"type", "title", "status", "detail", "instance"} <= set(DOCUMENT["components"]["schemas"]["Problem"]["required"])


def test_ver_06_the_api_says_what_it_is_under_api_info() -> None:
    schema = DOCUMENT["components"]["schemas"]["ApiInfo"]
    assert set(schema["required"]) == {"apiName", "apiVersion", "apiReleased", "apiDocumentation", "apiStatus"}
    assert "/api-info" in DOCUMENT["paths"]


def test_fns_01_03_05_and_06_query_parameters_are_optional_camel_case() -> None:
    assert all(CAMEL.fullmatch(each["name"]) and not each["required"] for each in parameters("query"))


def test_fns_07_08_and_09_pages_have_limit_and_offset_and_limit_is_20() -> None:
    for _, _, operation in operations():
        names = {each["name"]: each for each in operation["parameters"] if each["in"] == "query"}
        assert not names or {"limit", "offset"} <= set(names)
        assert not names or names["limit"]["schema"]["default"] == 20


def test_sak_09_10_15_and_16_the_only_key_is_a_bearer_token() -> None:
    schemes = DOCUMENT["components"]["securitySchemes"].values()
    assert [(each["type"], each["scheme"]) for each in schemes] == [("http", "bearer")]
    assert [path for path, _, operation in operations() if operation.get("security") == []] == ["/api-info", "/sharing-agreements"]


def test_spa_02_and_04_a_trace_is_taken_and_given_back_everywhere() -> None:
    assert all(any(each["name"] == "traceparent" for each in operation["parameters"]) for _, _, operation in operations())
    assert all("traceparent" in response["headers"] for _, response in responses())


def test_for_02_a_get_has_no_body() -> None:
    assert all("requestBody" not in operation for _, method, operation in operations() if method == "get")


# Not `positive_data_acceptance`: what a schema lets through a rule of the domain may still refuse, with its field named.
HELD = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("role", ["fut_investigator", "los_coordinator"])
def test_whatever_is_asked_in_whatever_order_the_answer_is_one_of_the_documents(api: str, issuer: Issuer, role: str) -> None:
    whole = schemathesis.openapi.from_dict(document(api))
    whole.config.update(base_url=f"{api}/los/v1")
    # What the role may do: a walk is short, and what it may not (test_rest.py) leads nowhere.
    mine = whole.include(operation_id=["GetApiInfo", *(each.called for each in OPERATIONS if role in each.roles)])
    checks = [CHECKS.get_one(name) for name in HELD]
    token = issuer.token(role)
    answered: dict[str, Counter[int]] = {}

    class Asking(mine.as_state_machine()):  # type: ignore[misc]  # made at run time
        def get_call_kwargs(self, case: Any) -> dict[str, Any]:  # noqa: ANN401, ARG002
            return {"headers": {"Authorization": f"Bearer {token}"}}

        def before_call(self, case: Any) -> None:  # noqa: ANN401
            """Every other body that is meant to be right is the example, so that there are records to go on with."""
            body = case.operation.definition.raw.get("requestBody")
            if body is not None and case.meta.generation.mode.is_positive and len(str(case.body)) % 2 == 0:
                example = json.dumps(body["content"]["application/json"]["examples"]["begäran"]["value"])
                number = uuid4().int % 10**9
                if case.method == "POST":  # a walk that is tried again is not answered with what was made before
                    case.headers["Idempotency-Key"] = str(number)
                case.body = json.loads(example.replace("IAF-2026-1", f"IAF-{number}").replace("Exempelgatan 1", f"Provgatan {number}"))

        def validate_response(self, response: Any, case: Any, **_: Any) -> None:  # noqa: ANN401
            answered.setdefault(case.operation.label, Counter())[response.status_code] += 1
            case.validate_response(response, checks=checks)

    Asking.run(
        settings=settings(
            max_examples=25,
            stateful_step_count=8,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
    )
    reached = {status for counts in answered.values() for status in counts}
    assert {200, 201, 400, 401} <= reached, answered
