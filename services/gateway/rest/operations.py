"""What one operation of the API is: a method on a path, and the call of the contract behind it. The table of them all is in table.py.

A body, a query and an answer are the contract's own; what stands in a path or a header is left out of the body. Who may call is what the
service's own rules say: a test compares them, and the service asks again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from los.common.v1 import common_pb2 as common
from los.controls.v1 import controls_pb2 as controls
from los.registry.v1 import registry_pb2 as registry
from los.sharing.v1 import sharing_pb2 as sharing

from services.gateway.rest.shapes import UUID_PATTERN
from services.kernel.callers import Role

REGISTRY = registry.DESCRIPTOR.services_by_name["RegistryService"]
CONTROLS = controls.DESCRIPTOR.services_by_name["ControlsService"]
SHARING = sharing.DESCRIPTOR.services_by_name["SharingService"]
SERVICE_NAMES: Mapping[str, str] = {REGISTRY.full_name: "registry", CONTROLS.full_name: "controls", SHARING.full_name: "sharing"}
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
    """The field that `{id}` of the path is, with dots where it is inside another."""
    id_pattern: str = UUID_PATTERN
    """What an id looks like; another one is not there."""
    fixed: Mapping[str, str] = field(default_factory=dict)
    """Fields of the request that the path says in words."""
    name: str = ""
    """What it is called in the document; as the call, when empty."""
    is_public: bool = False
    """Open to anybody: no token is asked for."""
    may_wait: bool = False
    """Whether there may be nothing to read yet (409)."""
    asked: Message | None = None
    told: Message | None = None
    """The examples of the document."""

    @property
    def called(self) -> str:
        """Its name in the document."""
        return self.name or self.call.name

    @property
    def request(self) -> type[Message]:
        """The contract's request."""
        return GetMessageClass(self.call.input_type)

    @property
    def answer(self) -> Descriptor:
        """What an answer is: the contract's own, or the one thing inside it."""
        return _inside(self.call.output_type) or self.call.output_type

    def content(self, answer: Message) -> Message:
        """That of an answer which is told."""
        inner: Message = getattr(answer, self.call.output_type.fields[0].name) if self.answer is not self.call.output_type else answer
        return inner

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
        return NEVER_IN_BODY | {self.id_field.partition(".")[0], "page", *self.fixed}

    @property
    def filters(self) -> list[FieldDescriptor]:
        """What a list may be asked for in its query."""
        return [each for each in self._asked_fields if not _is_page(each) and each.name not in self.not_in_body] if self.is_list else []

    @property
    def body(self) -> Descriptor | None:
        """The message that the body is; None when there is none."""
        wanted = [each for each in self._asked_fields if each.name not in self.not_in_body]
        return self.call.input_type if self.http != "GET" and wanted else None

    @property
    def _asked_fields(self) -> list[FieldDescriptor]:
        return list(self.call.input_type.fields)


def _inside(message: Descriptor) -> Descriptor | None:
    """The message that is all there is in another one."""
    fields = message.fields
    return fields[0].message_type if len(fields) == 1 and fields[0].message_type is not None and not fields[0].is_repeated else None


def _is_page(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.full_name == PAGE
