"""What the acts on the tables share: the vault, and one sealed cell."""

from services.kernel.db import Row
from services.kernel.vault import Vault


class Base:
    """The vault seals content before it is stored."""

    def __init__(self, vault: Vault) -> None:
        """Sharing's own keys."""
        self._vault = vault

    def opened(self, table: str, row: Row, column: str) -> bytes:
        """One sealed cell of a preview or a disclosure."""
        return self._vault.open_key(row.id, row.data_key).open(table, column, getattr(row, column))

    def person_index(self, digits: str) -> bytes:
        """The blind index of twelve digits."""
        return self._vault.index("subject", digits)
