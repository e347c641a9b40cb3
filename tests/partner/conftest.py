from tests.partner.databases import address
from tests.partner.kommun import kommun, own_kit

__all__ = ["address", "kommun", "own_kit"]
