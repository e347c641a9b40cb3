from tests.partner.databases import address

__all__ = ["address"]
