import pytest
from hypothesis import settings

from tests.judges.node import judge
from tests.parts import database, kafka, postgres

__all__ = ["database", "judge", "kafka", "postgres"]

# A busy machine is slow, not wrong: no example has a time limit.
settings.register_profile("los", deadline=None)
settings.load_profile("los")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of one file go to one worker, and all that use the gateway's stack too: what they share is then started once."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            parts = item.path.parent.name, item.path.stem
            item.add_marker(pytest.mark.xdist_group("gateway" if "gateway" in parts else "-".join(parts)))
