"""Everything that a system can ask for: one row each, from which routes, checks and the document come.

A body, a query and an answer are the contract's own; what stands in a path or a header is left out of the body. Who may call is what the
service's own rules say: a test compares them, and the service asks again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from los.common.v1 import common_pb2 as common
from los.controls.v1 import controls_pb2 as controls
from los.registry.v1 import registry_pb2 as registry

from services.gateway.rest import examples
from services.kernel.callers import Role

REGISTRY = registry.DESCRIPTOR.services_by_name["RegistryService"]
CONTROLS = controls.DESCRIPTOR.services_by_name["ControlsService"]
SERVICE_NAMES: Mapping[str, str] = {REGISTRY.full_name: "registry", CONTROLS.full_name: "controls"}
REPORTERS = frozenset({Role.LANDLORD_REPORTER, Role.ALERT_OFFICER, Role.FUT_INVESTIGATOR})
PAYMENT_READERS = frozenset({Role.FUT_INVESTIGATOR, Role.APPROVER, Role.FUT_MANAGER})
COORDINATORS = frozenset({Role.LOS_COORDINATOR})
OPERATION_READERS = COORDINATORS | {Role.INSPECTOR}
PAGE = common.Page.DESCRIPTOR.full_name
NEVER_IN_BODY = frozenset({"request_id", "etag"})


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path: a call of the contract."""

    http: str
    path: str
    call: MethodDescriptor
    roles: frozenset[Role]
    summary: str
    """Swedish, as all that a user reads."""
    id_field: str = ""
    """The record that `{id}` of the path names."""
    asked: Message | None = None
    told: Message | None = None
    """The examples of the document."""

    @property
    def request(self) -> type[Message]:
        """The contract's request."""
        return GetMessageClass(self.call.input_type)

    @property
    def rows(self) -> FieldDescriptor | None:
        """The rows of a list; None when the answer is one thing."""
        fields: Iterator[FieldDescriptor] = (each for each in self.call.output_type.fields if each.is_repeated)
        return next(fields, None) if self.is_list else None

    @property
    def is_list(self) -> bool:
        """Whether the answer comes in pages."""
        return any(_is_page(each) for each in self._asked_fields)

    @property
    def is_write(self) -> bool:
        """Whether it changes something."""
        return "request_id" in self.call.input_type.fields_by_name

    @property
    def creates(self) -> str:
        """The field of the answer that names what was made; empty when nothing was."""
        made = self.call.output_type.fields[0].name
        return made if self.http == "POST" and not self.id_field else ""

    @property
    def needs_etag(self) -> bool:
        """Whether it rests on what the caller has seen."""
        return "etag" in self.call.input_type.fields_by_name

    @property
    def not_in_body(self) -> frozenset[str]:
        """The fields that come another way than in the body or the query."""
        return NEVER_IN_BODY | {self.id_field, "page"}

    @property
    def filters(self) -> list[FieldDescriptor]:
        """What a list may be asked for in its query."""
        return [each for each in self._asked_fields if not _is_page(each)] if self.is_list else []

    @property
    def body(self) -> Descriptor | None:
        """The message that the body is; None when there is none."""
        wanted = [each for each in self._asked_fields if each.name not in self.not_in_body]
        return self.call.input_type if self.http != "GET" and wanted else None

    @property
    def _asked_fields(self) -> list[FieldDescriptor]:
        return list(self.call.input_type.fields)


def _is_page(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.full_name == PAGE


def _of_registry(name: str) -> MethodDescriptor:
    return REGISTRY.methods_by_name[name]


def _of_controls(name: str) -> MethodDescriptor:
    return CONTROLS.methods_by_name[name]


OPERATIONS = (
    Operation(
        "POST",
        "/alerts",
        _of_registry("RegisterAlert"),
        REPORTERS,
        "Anmäl att de som bor i en lägenhet inte är de som är folkbokförda där",
        asked=examples.ALERT,
        told=examples.ALERT_MADE,
    ),
    Operation("GET", "/alerts", _of_registry("ListAlerts"), REPORTERS | {Role.APPROVER}, "Lista anmälningar", told=examples.ALERTS),
    Operation(
        "GET",
        "/alerts/{id}",
        _of_registry("GetAlert"),
        REPORTERS | {Role.APPROVER},
        "Hämta en anmälan",
        id_field="alert_id",
        told=examples.ALERT_READ,
    ),
    Operation(
        "POST",
        "/alerts/{id}/withdrawals",
        _of_registry("WithdrawAlert"),
        REPORTERS,
        "Ta tillbaka en anmälan",
        id_field="alert_id",
        told=examples.ALERT_WITHDRAWN,
    ),
    Operation(
        "POST",
        "/suspected-payments",
        _of_registry("RegisterSuspectedPayment"),
        frozenset({Role.CASE_OFFICER, Role.FUT_INVESTIGATOR}),
        "Flagga en misstänkt felaktig utbetalning",
        asked=examples.PAYMENT,
        told=examples.PAYMENT_MADE,
    ),
    Operation(
        "GET",
        "/suspected-payments",
        _of_registry("ListSuspectedPayments"),
        PAYMENT_READERS,
        "Lista misstänkta felaktiga utbetalningar",
        told=examples.PAYMENTS,
    ),
    Operation(
        "GET",
        "/suspected-payments/{id}",
        _of_registry("GetSuspectedPayment"),
        PAYMENT_READERS,
        "Hämta en misstänkt felaktig utbetalning",
        id_field="payment_id",
        told=examples.PAYMENT_READ,
    ),
    Operation(
        "POST",
        "/control-objects",
        _of_controls("RegisterObject"),
        COORDINATORS,
        "Registrera ett kontrollobjekt",
        asked=examples.OBJECT,
        told=examples.OBJECT_MADE,
    ),
    Operation("GET", "/control-objects", _of_controls("ListObjects"), COORDINATORS, "Lista kontrollobjekt", told=examples.OBJECTS),
    Operation(
        "GET",
        "/control-objects/{id}",
        _of_controls("GetObject"),
        COORDINATORS,
        "Hämta ett kontrollobjekt",
        id_field="object_id",
        told=examples.OBJECT_READ,
    ),
    Operation(
        "PUT",
        "/control-objects/{id}",
        _of_controls("UpdateObject"),
        COORDINATORS,
        "Ändra ett kontrollobjekt",
        id_field="object_id",
        asked=examples.OBJECT_CHANGED,
        told=examples.OBJECT_UPDATED,
    ),
    Operation("GET", "/operations", _of_controls("ListOperations"), OPERATION_READERS, "Lista kontroller", told=examples.OPERATIONS),
    Operation(
        "GET",
        "/operations/{id}",
        _of_controls("GetOperation"),
        OPERATION_READERS,
        "Hämta en kontroll",
        id_field="operation_id",
        told=examples.OPERATION_READ,
    ),
)
