"""Control objects: registered, listed, imported."""

from collections.abc import Iterator

import grpc
from los.controls.v1 import controls_pb2 as pb

from services.controls.domain.objects import StoredObject
from services.controls.service.parts import Parts
from services.controls.wire import objects as object_wire
from services.kernel import pages
from services.kernel.db import Transaction
from services.kernel.errors import Conflict, ConflictReason
from services.kernel.ids import new_id
from services.kernel.rpc import caller


class ObjectMethods(Parts):
    """The methods about objects, which are the kommun's."""

    def RegisterObject(self, request: pb.RegisterObjectRequest, _context: grpc.ServicerContext) -> pb.RegisterObjectResponse:  # noqa: N802, D102
        asking = caller()
        place = object_wire.object_from(request.object, self._clock.today())

        def act(tx: Transaction) -> pb.RegisterObjectResponse:
            stored = StoredObject(new_id(), place)
            if not self._objects.add(tx, stored, self._clock.now()):
                raise Conflict("object: objektet finns redan.", reason=ConflictReason.DUPLICATE)
            self._audit(tx, "controls:object:register", asking, "control_object", stored.id)
            return pb.RegisterObjectResponse(object_id=str(stored.id))

        return self._requests.once(asking, request, request.request_id, pb.RegisterObjectResponse, act)

    def ListObjects(self, request: pb.ListObjectsRequest, _context: grpc.ServicerContext) -> pb.ListObjectsResponse:  # noqa: N802, D102
        size, after = pages.page_size(request.page), pages.after(request.page)
        with self._database.transaction() as tx:
            found = self._objects.page(tx, after, size + 1)
            page = found[:size]
            self._audit(tx, "controls:object:list", caller(), "control_object", count=len(page))
        return pb.ListObjectsResponse(
            objects=[object_wire.object_row(stored) for stored in page],
            next_page_token=pages.next_token(found, size),
        )

    def ImportObjects(  # noqa: N802, D102
        self, request_iterator: Iterator[pb.ImportObjectsRequest], _context: grpc.ServicerContext
    ) -> Iterator[pb.ImportObjectsResponse]:
        yield from self._imports.run(request_iterator, caller())
