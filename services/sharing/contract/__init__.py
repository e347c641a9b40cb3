"""The contract with the agencies: what may leave has a type, and the types are what is published (partner/contract/)."""

from services.sharing.contract.content import Contract, Variant
from services.sharing.contract.fields import REFERENCES

__all__ = ["REFERENCES", "Contract", "Variant"]
