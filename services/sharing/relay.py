"""The process `relay`: sharing's outbox to Kafka. Wiring only."""

from services.kernel import metrics
from services.kernel.config import DatabaseConfig, Kafka, load
from services.kernel.db import conninfo
from services.kernel.log import configure
from services.kernel.process import config_path, live
from services.sharing.publisher import Sending

LOOPS = 2
"""While one waits for the broker or the database the other works; a third would only fight for Python's lock."""


class RelayConfig(DatabaseConfig):
    """The relay's configuration file."""

    kafka: Kafka


def loops(config: RelayConfig) -> list[Sending]:
    """What the process runs."""
    return [Sending(conninfo(config, "sharing"), config.kafka) for _ in range(LOOPS)]


def main() -> None:
    """Run until SIGTERM."""
    configure("relay")
    config = load(config_path("Sends what has been decided to the agencies' topics."), RelayConfig)
    sending = loops(config)
    metrics.serve(config.metrics_listen, [sending[0].outbox])
    live(sending, lambda: None, lambda: None)


if __name__ == "__main__":
    main()
