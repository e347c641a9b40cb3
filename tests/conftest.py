from hypothesis import settings

from tests.judges.node import judge
from tests.parts import database, kafka, postgres

__all__ = ["database", "judge", "kafka", "postgres"]

# A busy machine is slow, not wrong: no example has a time limit.
settings.register_profile("los", deadline=None)
settings.load_profile("los")
