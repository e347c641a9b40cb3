"""Control objects: registered, listed, imported."""

from collections.abc import Iterator
from dataclasses import fields
from uuid import UUID

import grpc
from los.controls.v1 import controls_pb2 as pb

from services.controls.domain.candidates import Place
from services.controls.domain.objects import StoredObject
from services.controls.service.parts import Parts, unit_of
from services.controls.wire import objects as object_wire
from services.controls.wire.tips import tip_message
from services.kernel import pages
from services.kernel.db import Transaction
from services.kernel.errors import Conflict, ConflictReason
from services.kernel.files import listed
from services.kernel.ids import new_id
from services.kernel.rpc import caller


class ObjectMethods(Parts):
    """The methods about objects, which are the kommun's."""

    def RegisterObject(self, request: pb.RegisterObjectRequest, _context: grpc.ServicerContext) -> pb.RegisterObjectResponse:  # noqa: N802, D102
        asking = caller()
        place = object_wire.object_from(request.object, self._clock.today())

        def act(tx: Transaction) -> pb.RegisterObjectResponse:
            stored = self._objects.register(tx, StoredObject(new_id(), place), self._clock.now(), asking.person)
            if stored is None:
                raise Conflict("object: objektet finns redan.", reason=ConflictReason.DUPLICATE)
            self._audit(tx, "controls:object:register", asking, "control_object", stored.id)
            return pb.RegisterObjectResponse(object_id=str(stored.id))

        return self._requests.once(asking, request, request.request_id, pb.RegisterObjectResponse, act)

    def GetObject(self, request: pb.GetObjectRequest, _context: grpc.ServicerContext) -> pb.GetObjectResponse:  # noqa: N802, D102
        asking = caller()
        with self._database.transaction() as tx:
            stored = self._objects.get(tx, UUID(request.object_id))
            tips = self._tips.of_objects(tx, unit_of(asking), [stored.id])
            previous = self._objects.previous_visits(tx, stored.id, unit_of(asking))
            self._audit(tx, "controls:object:read", asking, "control_object", stored.id, tips=[str(tip.id) for tip in tips])
        return pb.GetObjectResponse(
            object_id=str(stored.id),
            object=object_wire.object_message(stored.object),
            etag=str(stored.revision),
            may_be_a_home=stored.object.may_be_a_home,
            taken_back=stored.taken_back,
            tips=[tip_message(tip) for tip in tips],
            previous_visits=[object_wire.previous_visit(one) for one in previous],
        )

    def ListCandidates(self, request: pb.ListCandidatesRequest, _context: grpc.ServicerContext) -> pb.ListCandidatesResponse:  # noqa: N802, D102
        asking = caller()
        asked = object_wire.filter_from(request)
        asked.require_something()
        size, after = pages.page_size(request.page), Place.read(request.page.page_token, self._clock.today())
        with self._database.transaction() as tx:
            found = self._candidates.page(tx, unit_of(asking), asked, after, size + 1)
            page = found[:size]
            self._audit(tx, "controls:candidate:list", asking, "control_object", count=len(page))
        last = Place(after.day, page[-1].points, page[-1].stored.id) if len(found) > size else None
        return pb.ListCandidatesResponse(
            candidates=[object_wire.candidate_row(candidate) for candidate in page], next_page_token=last.token if last else ""
        )

    def UpdateObject(self, request: pb.UpdateObjectRequest, _context: grpc.ServicerContext) -> pb.UpdateObjectResponse:  # noqa: N802, D102
        asking = caller()
        place = object_wire.object_from(request.object, self._clock.today())

        def act(tx: Transaction) -> pb.UpdateObjectResponse:
            before = self._objects.get(tx, UUID(request.object_id))
            before.require_etag(request.etag)
            after = self._objects.update(tx, before, place, self._clock.now(), asking.person)
            changed = [field.name for field in fields(place) if getattr(place, field.name) != getattr(before.object, field.name)]
            self._audit(tx, "controls:object:update", asking, "control_object", after.id, fields=changed)
            return pb.UpdateObjectResponse(etag=str(after.revision))

        return self._requests.once(asking, request, request.request_id, pb.UpdateObjectResponse, act)

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
        asking = caller()
        yield from self._imports.run(request_iterator, asking, unit_of(asking))

    def ListImports(self, request: pb.ListImportsRequest, _context: grpc.ServicerContext) -> pb.ListImportsResponse:  # noqa: N802, D102
        asking, size, after = caller(), pages.page_size(request.page), pages.after(request.page)
        with self._database.transaction() as tx:
            found = self._files.page(tx, asking, after, size + 1)
            self._audit(tx, "controls:import:list", asking, count=min(len(found), size))
        return pb.ListImportsResponse(imports=[listed(row) for row in found[:size]], next_page_token=pages.next_token(found, size))

    def UndoImport(self, request: pb.UndoImportRequest, _context: grpc.ServicerContext) -> pb.UndoImportResponse:  # noqa: N802, D102
        asking, import_id = caller(), UUID(request.import_id)

        def act(tx: Transaction) -> pb.UndoImportResponse:
            self._files.require_not_undone(tx, import_id, asking)
            taken = self._objects.take_back(tx, import_id, self._clock.now(), asking.person)
            for object_id in taken:
                self._audit(tx, "controls:object:take_back", asking, "control_object", object_id)
            self._files.undone(tx, import_id, self._clock.now())
            self._audit(tx, "controls:import:undo", asking, "import", import_id, count=len(taken))
            return pb.UndoImportResponse(count=len(taken))

        return self._requests.once(asking, request, request.request_id, pb.UndoImportResponse, act)
