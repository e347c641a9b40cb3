"""The register check of protected personal data: its words, and how long it holds (design 8)."""

from datetime import timedelta
from enum import StrEnum

CHECK_VALID = timedelta(hours=24)


class IdentityLevel(StrEnum):
    """How sure the identity behind a samordningsnummer is: styrkt, sannolik, osäker (lag 2022:1697 2 kap.). Unknown: nobody has said."""

    UNKNOWN = "unknown"
    PROVEN = "proven"
    PROBABLE = "probable"
    UNCERTAIN = "uncertain"


class Protection(StrEnum):
    """What the register check said; unknown until somebody has looked, and unknown means protected."""

    UNKNOWN = "unknown"
    NONE = "none"
    PROTECTED = "protected"
