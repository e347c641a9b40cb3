"""The bare limit of `register`: no TLS, no caller, no check; one autocommit INSERT of the message through a pool."""

import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
from los.registry.v1 import registry_pb2 as pb
from los.registry.v1 import registry_pb2_grpc
from psycopg_pool import ConnectionPool

from services.kernel.ids import new_id


class _Bare(registry_pb2_grpc.RegistryServiceServicer):
    def __init__(self, url: str) -> None:
        self._pool = ConnectionPool(url, min_size=16, max_size=20, kwargs={"autocommit": True}, open=True)

    def RegisterAlert(self, request: pb.RegisterAlertRequest, _context: grpc.ServicerContext) -> pb.RegisterAlertResponse:  # noqa: N802
        alert_id = new_id()
        with self._pool.connection() as connection:
            connection.execute("INSERT INTO bare (id, body) VALUES (%s, %s)", (alert_id, request.SerializeToString()))
        return pb.RegisterAlertResponse(alert_id=str(alert_id))


def main() -> None:
    """Serve on a free port, printed first."""
    server = grpc.server(ThreadPoolExecutor(32))
    registry_pb2_grpc.add_RegistryServiceServicer_to_server(_Bare(sys.argv[1]), server)  # type: ignore[abstract]  # the other methods are not called
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
