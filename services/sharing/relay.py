"""The process `relay`: sharing's outbox to Kafka. Wiring only."""

from services.kernel.config import DatabaseConfig, Kafka, load
from services.kernel.db import conninfo
from services.kernel.log import configure
from services.kernel.outbox import Outbox
from services.kernel.process import config_path, live
from services.sharing.publisher import Publisher


class RelayConfig(DatabaseConfig):
    """The relay's configuration file."""

    kafka: Kafka


def main() -> None:
    """Run until SIGTERM."""
    configure("relay")
    config = load(config_path("Sends what has been decided to the agencies' topics."), RelayConfig)
    address = conninfo(config, "sharing")
    publisher = Publisher(address, config.kafka)
    outbox = Outbox(address, publisher.deliver)
    live([outbox], lambda: None, publisher.close)


if __name__ == "__main__":
    main()
