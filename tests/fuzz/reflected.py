"""What a running service says of itself: its methods and their messages, by gRPC reflection alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import grpc
from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

Field = Any
"""A field's descriptor; protobuf's types know it under two names."""


@dataclass(frozen=True, slots=True)
class Method:
    """One RPC: `service` is the process that answers, `path` what gRPC calls it."""

    service: str
    name: str
    path: str
    request: Descriptor
    answer: type[Message]
    streaming: bool

    @property
    def writes(self) -> bool:
        """Whether it changes something: a write has a number that makes it happen once."""
        if self.streaming:
            return True
        names = set(self.request.fields_by_name)
        nested = {name for field in self.request.fields if field.message_type for name in field.message_type.fields_by_name}
        return bool({"request_id", "event_id"} & (names | nested))


def methods_of(service: str, channel: grpc.Channel) -> Iterator[Method]:
    """Every method of ours that a service has."""
    database = ProtoReflectionDescriptorDatabase(channel)
    pool = DescriptorPool(database)
    for name in database.get_services():
        if not name.startswith("los."):
            continue
        for method in pool.FindServiceByName(name).methods:
            yield Method(
                service,
                method.name,
                f"/{name}/{method.name}",
                method.input_type,
                GetMessageClass(method.output_type),
                bool(method.client_streaming),
            )


def rules_of(field: Field) -> Any:  # noqa: ANN401  # protobuf's extensions have no types
    """The field's buf.validate rules; empty when it has none."""
    return field.GetOptions().Extensions[validate_pb2.field]


def is_list(field: Field) -> bool:
    """Whether the field holds many."""
    return bool(field.is_repeated)
