from tests.parts import kafka

__all__ = ["kafka"]
