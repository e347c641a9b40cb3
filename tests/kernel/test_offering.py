from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import grpc

from services.kernel.offering import Offering
from services.kernel.outbox import Outcome


def a_row(seq: int, key: UUID) -> SimpleNamespace:
    return SimpleNamespace(seq=seq, key=key, kind="offer", event_id=uuid4())


def test_a_record_whose_offer_cannot_be_made_holds_up_no_other() -> None:
    broken, whole = uuid4(), uuid4()

    def build(row: Any) -> None:  # noqa: ANN401  # a row
        if row.seq == 1:
            raise LookupError

    with grpc.insecure_channel("127.0.0.1:1") as sharing:
        taken = list(Offering(sharing, build).deliver([a_row(1, broken), a_row(2, whole)]))

    assert taken == [(1, Outcome.REFUSED), (2, Outcome.DONE)]
