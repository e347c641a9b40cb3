from tests.parts import database, kafka, postgres

__all__ = ["database", "kafka", "postgres"]
