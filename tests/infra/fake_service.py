"""Plays a service of ours: reads its configuration, answers gRPC health over mTLS, or says that it has started."""

import signal
import sys
import threading
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc


def main() -> None:
    config = tomllib.loads(Path(sys.argv[2]).read_text())
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    if "listen" in config:
        key, certificate, authority = (Path(config["tls"][f"{name}_file"]).read_bytes() for name in ("key", "certificate", "ca"))
        server = grpc.server(ThreadPoolExecutor(2), options=[("grpc.so_reuseport", 0)])
        answers = health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(answers, server)
        answers.set("", health_pb2.HealthCheckResponse.SERVING)
        server.add_secure_port(config["listen"], grpc.ssl_server_credentials([(key, certificate)], authority, require_client_auth=True))
        server.start()
    sys.stderr.write('{"event": "started"}\n')
    ended.wait()


if __name__ == "__main__":
    main()
