"""What sharing keeps, and what is done to it in a transaction."""

from services.sharing.store.inbound import Inbound
from services.sharing.store.messages import Messages
from services.sharing.store.offers import Offers
from services.sharing.store.records import Records
from services.sharing.store.roles import Roles
from services.sharing.store.tables import metadata

__all__ = ["Store", "metadata"]


class Store(Offers, Records, Inbound, Roles, Messages):
    """Sharing's acts on its tables."""
