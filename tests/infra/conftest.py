"""A broker that tests may change: agencies are shut out and let in again, and anybody may leave anything on a topic."""

from collections.abc import Iterator

import pytest

from infra import stack
from infra.folder import write_toml
from infra.kafka import Kafka


@pytest.fixture(scope="session")
def own_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """As `kafka`, but not shared with tests of other folders; its data folder says where it is, as a whole stack's does."""
    with stack.parts(tmp_path_factory.mktemp("own"), postgres=False) as running:
        write_toml(running.folder.stack_file, {"environment": "local", "kafka": running.kafka.bootstrap_servers})
        yield running.kafka
