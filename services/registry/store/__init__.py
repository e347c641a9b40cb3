"""What the registry keeps, and what is done to it in a transaction."""

from services.registry.store.imports import RegistryFiles
from services.registry.store.links import Links
from services.registry.store.lookups import LookUps
from services.registry.store.records import Alerts, Payments, Work
from services.registry.store.suppliers import Suppliers
from services.registry.store.tables import metadata

__all__ = ["Alerts", "Links", "LookUps", "Payments", "RegistryFiles", "Suppliers", "Work", "metadata"]
