"""`import`: a file of payments, each row judged, registered and answered over gRPC, against a COPY of the same cells.

One server process and one PostgreSQL; the same cells into a table of text columns without an index.
"""

import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as pb
from los.registry.v1.registry_pb2_grpc import RegistryServiceStub
from psycopg import sql

from bench.harness import ROUNDS, Result, alternate
from bench.payment_file import HEADER, rows
from bench.serving import registry
from infra import stack
from services.kernel.callers import Caller, Role

ROWS = 100_000
INVESTIGATOR = Caller("cli", "iaf-utredare-1", Role.FUT_INVESTIGATOR, "IAF")


class NotAcceptedError(Exception):
    """A row that is sound was not registered: what was measured is not an import."""


def run(size: int = ROWS, rounds: int = ROUNDS) -> Result:
    """Rows per second; `size` rows in each round."""
    with (
        tempfile.TemporaryDirectory(prefix="los-bench-") as folder,
        stack.parts(Path(folder), kafka=False) as running,
        registry(running, INVESTIGATOR) as channel,
        psycopg.connect(running.postgres.url(), autocommit=True) as database,
    ):
        columns = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(name)) for name in HEADER)
        database.execute(sql.SQL("CREATE TABLE bare ({})").format(columns))
        stub = RegistryServiceStub(channel)
        firsts = count(step=size)
        return alternate("import", lambda: _ours(stub, size, next(firsts)), lambda: _bare(database, size, next(firsts)), rounds)


def _ours(stub: RegistryServiceStub, size: int, first: int) -> float:
    began = time.perf_counter()
    accepted = sum(answer.row.result == common_pb2.ROW_RESULT_ACCEPTED for answer in stub.ImportSuspectedPayments(_parts(size, first)))
    took = time.perf_counter() - began
    if accepted != size:
        raise NotAcceptedError
    return size / took


def _parts(size: int, first: int) -> Iterator[pb.ImportSuspectedPaymentsRequest]:
    yield pb.ImportSuspectedPaymentsRequest(part=common_pb2.ImportRequest(header=common_pb2.TableHeader(columns=HEADER)))
    for number, cells in enumerate(rows(size, first), 1):
        yield pb.ImportSuspectedPaymentsRequest(part=common_pb2.ImportRequest(row=common_pb2.TableRow(number=number, cells=cells)))


def _bare(database: psycopg.Connection, size: int, first: int) -> float:
    began = time.perf_counter()
    with database.cursor().copy("COPY bare FROM STDIN") as copy:
        for cells in rows(size, first):
            copy.write_row(cells)
    return size / (time.perf_counter() - began)
