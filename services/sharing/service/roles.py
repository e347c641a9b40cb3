"""Whether people's roles hold: once one has ended, its person may call nothing in it, and nothing leaves that was decided in it."""

from collections.abc import Callable

import grpc
from los.sharing.v1 import sharing_pb2 as pb

from services.kernel.callers import Caller, Role
from services.kernel.clock import timestamp
from services.kernel.db import Database, Transaction
from services.kernel.errors import Conflict, Invalid
from services.kernel.rpc import caller
from services.sharing.service.parts import Parts
from services.sharing.store import Store


class RoleMethods(Parts):
    """The method of the security officer."""

    def RecordRoleChange(self, request: pb.RecordRoleChangeRequest, context: grpc.ServicerContext) -> pb.RecordRoleChangeResponse:  # noqa: ARG002, N802
        """Somebody's role at a unit has ended, or holds again. Nobody says it of the own roles."""
        asking = caller()
        if request.role not in set(Role):
            raise Invalid("role: rollen finns inte.")
        if request.person == asking.person:
            raise Conflict("person: en annan person måste ändra dina egna roller.")

        def act(tx: Transaction) -> pb.RecordRoleChangeResponse:
            now = self._clock.now()
            person, unit, reference = self._plain(person=request.person, unit=request.unit, decision_reference=request.decision_reference)
            self._store.add_role_change(tx, (person, request.role, unit), asking.principal, now, reference, holds=request.holds)
            self._audit(
                tx,
                "sharing:role:change",
                asking,
                outcome="holds" if request.holds else "ended",
                of_person=person,
                of_role=request.role,
                of_unit=unit,
                decision=reference,
            )
            return pb.RecordRoleChangeResponse(holds=request.holds, changed_time=timestamp(now))

        return self._requests.once(asking, request, request.request_id, pb.RecordRoleChangeResponse, act)


def roles(database: Database, store: Store) -> Callable[[Caller], bool]:
    """Whether the role that a person comes in still holds, as the security officer last said."""

    def holds(asking: Caller) -> bool:
        with database.transaction() as tx:
            return not store.has_ended(tx, *asking.seat)

    return holds
