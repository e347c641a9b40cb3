"""The register check of protected personal data: its words, and how long it holds (design 8)."""

from datetime import timedelta
from enum import StrEnum

CHECK_VALID = timedelta(hours=24)


class Protection(StrEnum):
    """What the register check said; unknown until somebody has looked, and unknown means protected."""

    UNKNOWN = "unknown"
    NONE = "none"
    PROTECTED = "protected"
