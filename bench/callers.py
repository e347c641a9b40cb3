"""Eight callers in one process: `python -m bench.callers ours DATA|bare ADDRESS SECONDS NUMBER` prints answers per second."""

import sys
import threading
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
from los.registry.v1 import registry_pb2 as registry
from los.registry.v1.registry_pb2_grpc import RegistryServiceStub

from cli.client import Stack
from services.kernel.callers import Role

THREADS = 8
WARM_S = 1.0
NUMBERS = Path(__file__).parents[1] / "samples" / "testpersonnummer.txt"


def main() -> None:
    """Warm up, then count for the given seconds."""
    target, where, seconds, number = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
    if target == "ours":
        stack = Stack(Path(where))
        stub: Any = stack.speaking_for(stack.first(Role.ALERT_OFFICER, "KLF")).registry
    else:
        stub = RegistryServiceStub(grpc.insecure_channel(where))
    people = [line for line in NUMBERS.read_text(encoding="ascii").split() if line.isdigit() and line[:4] < "2006"]
    ready = time.perf_counter() + WARM_S
    counts = [0] * THREADS

    def call(thread: int) -> None:
        made = 0
        while (now := time.perf_counter()) < ready + seconds:
            made += 1
            stub.RegisterAlert(_request(f"{number}-{thread}-{made}", people[made % len(people)]), timeout=10)
            counts[thread] += now >= ready

    threads = [threading.Thread(target=call, args=(thread,)) for thread in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(sum(counts) / seconds)


def _request(place: str, person: str) -> registry.RegisterAlertRequest:
    return registry.RegisterAlertRequest(
        request_id=str(uuid4()),
        report=registry.AlertReport(
            source_kind="own",
            property_designation="LINKÖPING PROVET 1:1",
            street_address=f"Provgatan {place}",
            postal_code="58222",
            city="Linköping",
            apartment_number="1201",
            contract_holder_name="Alma Prov",
            contract_holder_id_number=person,
            observed_from="2026-10-01",
            observed_to="2026-11-01",
            observation_types=["apartment_empty"],
        ),
    )


if __name__ == "__main__":
    main()
