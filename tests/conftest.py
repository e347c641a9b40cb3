import pytest
from hypothesis import settings

from tests.judges.node import judge
from tests.parts import database, kafka, postgres

__all__ = ["database", "judge", "kafka", "postgres"]

# A busy machine is slow, not wrong: no example has a time limit.
settings.register_profile("los", deadline=None)
settings.load_profile("los")


# Folders whose tests go to one worker. Groups of many tests are handed out first: what takes long without being many goes with those.
TOGETHER = {"bench": "stacks", "fuzz": "stacks", "gateway": "stacks", "journeys": "stacks", "faults": "pages", "web": "pages"}


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What tests share is started once: those of one file, or of some whole folders, go to one worker."""
    for item in items:
        folder = item.path.parent.name
        item.add_marker(pytest.mark.xdist_group(TOGETHER.get(folder, f"{folder}-{item.path.stem}")))
