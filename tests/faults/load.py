"""Records on their way through everything, by callers who do not give up: the same request again until it is answered."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as registry
from los.sharing.v1 import sharing_pb2 as sharing

from cli.client import Session, Stack
from cli.walk import DELEGATION, checked
from services.kernel.callers import Role
from services.kernel.errors import Conflict, NotFound
from services.kernel.rpc import failure_of

GIVE_UP_S = 240
AGAIN_S = 0.2
NUMBERS = Path(__file__).parents[2] / "samples" / "testpersonnummer.txt"


def adults() -> list[str]:
    """Published test personnummer of grown people."""
    lines = (line.strip() for line in NUMBERS.read_text(encoding="ascii").splitlines())
    return [line for line in lines if line.isdigit() and line[:4] < "2006"]


def until_answered(call: Callable[[], Any]) -> Any:  # noqa: ANN401  # any answer
    """Ask again while a part is away. Raises the failure for any other answer."""
    deadline = time.monotonic() + GIVE_UP_S
    while True:
        try:
            return call()
        except grpc.RpcError as error:
            failure = failure_of(error)
            away = error.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}
            if not away or time.monotonic() > deadline:
                raise failure from None
            time.sleep(AGAIN_S)


class Load:
    """KLF's officer registers, assesses and decides; a colleague approves. `acknowledged`: the alerts whose assessment was answered."""

    def __init__(self, data: Path) -> None:
        stack = Stack(data)
        self.officer: Session = stack.speaking_for(stack.first(Role.ALERT_OFFICER, "KLF"))
        self.second: Session = stack.speaking_for(stack.first(Role.APPROVER, "KLF"))
        self.acknowledged: set[str] = set()
        self._lock = threading.Lock()
        self._people = adults()

    def register(self, number: int) -> None:
        """One alert of its own flat and person, registered and assessed."""
        report = registry.AlertReport(
            source_kind="own",
            property_designation=f"LINKÖPING PROVET 1:{number + 1}",
            street_address=f"Provgatan {number + 1}",
            postal_code="58222",
            city="Linköping",
            apartment_number="1201",
            contract_holder_name="Alma Prov",
            contract_holder_id_number=self._people[number % len(self._people)],
            observed_from="2026-10-01",
            observed_to="2026-11-01",
            observation_types=["apartment_empty"],
        )
        request = registry.RegisterAlertRequest(request_id=str(uuid4()), report=report)
        made = until_answered(lambda: self.officer.registry.RegisterAlert(request))
        assess = registry.AssessAlertRequest(
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
        until_answered(lambda: self.officer.registry.AssessAlert(assess))
        with self._lock:
            self.acknowledged.add(made.alert_id)

    def decide_waiting(self) -> int:
        """Decide on and approve a page of what waits at KLF; how many."""
        request = sharing.ListOffersRequest(page=common_pb2.Page(page_size=100), states=[sharing.OFFER_STATE_WAITING])
        rows = until_answered(lambda: self.officer.sharing.ListOffers(request)).offers
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(self._decide, [row.offer_id for row in rows]))
        return len(rows)

    def _decide(self, offer_id: str) -> None:
        written = {"register_datum", "facts", "apartment_number_checked", "special_reasons", "protection_checked"}
        preview_request = sharing.PreviewDisclosureRequest(
            request_id=str(uuid4()),
            offer_id=offer_id,
            written=[sharing.WrittenPoint(point=point, text="Ja.") for point in sorted(written)],
        )
        try:
            preview = until_answered(lambda: self.officer.sharing.PreviewDisclosure(preview_request))
            decide = sharing.DecideDisclosureRequest(
                request_id=str(uuid4()),
                preview_id=preview.preview_id,
                payload_hash=preview.payload_hash,
                decision=sharing.DECISION_SEND,
                delegation_reference=DELEGATION,
            )
            decided = until_answered(lambda: self.officer.sharing.DecideDisclosure(decide))
        except (Conflict, NotFound):  # decided on in an earlier round whose answer was lost
            return
        approve = sharing.ApproveDisclosureRequest(
            request_id=str(uuid4()),
            disclosure_id=decided.disclosure_id,
            payload_hash=preview.payload_hash,
            decision=sharing.DECISION_SEND,
            delegation_reference=DELEGATION,
        )
        until_answered(lambda: self.second.sharing.ApproveDisclosure(approve))
