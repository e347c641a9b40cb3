from tests.partner.databases import address
from tests.partner.kommun import kommun

__all__ = ["address", "kommun"]
