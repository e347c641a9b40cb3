from importlib import import_module
from typing import TYPE_CHECKING

import pytest
from google.protobuf.descriptor import ServiceDescriptor
from los.controls.v1 import controls_pb2
from los.registry.v1 import registry_pb2
from los.sharing.v1 import sharing_pb2

from services.kernel.callers import Role
from services.registry.domain import alert_life, payment_life

if TYPE_CHECKING:
    from services.kernel.rpc import Rule

SERVICES = {
    "services.registry.service.servicer": registry_pb2.DESCRIPTOR.services_by_name["RegistryService"],
    "services.controls.service.servicer": controls_pb2.DESCRIPTOR.services_by_name["ControlsService"],
    "services.sharing.service.servicer": sharing_pb2.DESCRIPTOR.services_by_name["SharingService"],
}

LANDLORDS = {"RegisterAlert", "GetAlert", "ListAlerts", "WithdrawAlert", "ImportAlerts", "ListImports", "UndoImport"}


@pytest.mark.parametrize(("module", "descriptor"), SERVICES.items())
def test_each_method_says_who_may_call_it_and_each_rule_names_a_method(module: str, descriptor: ServiceDescriptor) -> None:
    rules: dict[str, Rule] = import_module(module).RULES
    assert set(rules) == {method.name for method in descriptor.methods}
    assert [name for name, rule in rules.items() if not rule.roles and not rule.services] == []


@pytest.mark.parametrize(("module", "descriptor"), SERVICES.items())
def test_a_landlord_reaches_nothing_but_the_own_alerts(module: str, descriptor: ServiceDescriptor) -> None:
    rules: dict[str, Rule] = import_module(module).RULES
    reached = {name for name, rule in rules.items() if Role.LANDLORD_REPORTER in rule.roles}
    assert reached == (LANDLORDS if descriptor.name == "RegistryService" else set())


def test_a_role_may_call_an_act_of_the_registry_when_the_table_of_states_names_it_and_only_then() -> None:
    rules = import_module("services.registry.service.servicer").RULES
    acts = {
        "AssessAlert": alert_life.LIFE.who(alert_life.Act.ASSESS),
        "CloseAlert": alert_life.LIFE.who(alert_life.Act.CLOSE),
        "WithdrawAlert": alert_life.LIFE.who(alert_life.Act.WITHDRAW) | alert_life.LIFE.who(alert_life.Act.TAKE_BACK),
        "AssessSuspectedPayment": payment_life.LIFE.who(payment_life.Act.ASSESS),
        "WithdrawSuspectedPayment": payment_life.LIFE.who(payment_life.Act.WITHDRAW),
        "CorrectOwnError": payment_life.LIFE.who(payment_life.Act.CORRECT),
        "OpenInvestigation": payment_life.LIFE.who(payment_life.Act.OPEN_INVESTIGATION),
        "RecordCommunication": payment_life.LIFE.who(payment_life.Act.COMMUNICATE),
        "DecidePayment": payment_life.LIFE.who(payment_life.Act.DECIDE),
        "DecideRecovery": payment_life.LIFE.who(payment_life.Act.DECIDE_RECOVERY),
        "RecordRecovery": payment_life.LIFE.who(payment_life.Act.RECORD_RECOVERY),
        "RecordPoliceReport": payment_life.REPORTS.who(payment_life.Act.REPORT_CRIME),
        "ClosePayment": payment_life.LIFE.who(payment_life.Act.CLOSE),
    }
    assert {name: rules[name].roles for name in acts} == acts


def test_what_services_say_to_each_other_no_person_can_say() -> None:
    by_certificate = {
        f"{descriptor.name}/{name}": rule
        for module, descriptor in SERVICES.items()
        for name, rule in import_module(module).RULES.items()
        if rule.services
    }
    assert {name: sorted(rule.services) for name, rule in by_certificate.items()} == {
        "RegistryService/RecordOutcome": ["sharing"],
        "ControlsService/RecordOutcome": ["sharing"],
        "SharingService/OfferRecord": ["controls", "registry"],
        "SharingService/ListRegister": ["gateway"],
    }
    assert not any(rule.roles for rule in by_certificate.values())


def test_no_method_gives_out_a_public_document_or_asks_who_wants_it() -> None:
    """hs-17: a person answers who asks for an allmän handling (TF 2:18); whoever calls here works in the kommun, or reports to it."""
    outside = {"landlord_reporter"}
    for module, descriptor in SERVICES.items():
        rules: dict[str, Rule] = import_module(module).RULES
        for method in descriptor.methods:
            named = {field.name for field in method.input_type.fields}
            assert not {name for name in named if name.startswith(("requester", "requested_by", "on_behalf"))}, method.name
            reached = rules[method.name].roles & outside
            assert not reached or method.name in {
                "RegisterAlert",
                "GetAlert",
                "ListAlerts",
                "WithdrawAlert",
                "ImportAlerts",
                "ListImports",
                "UndoImport",
            }
