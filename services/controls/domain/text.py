"""Text as people write it."""

import unicodedata


def unreadable(text: str) -> bool:
    """Whether it holds characters that nobody can read: control, private, unassigned, or the mark of a failed decoding."""
    return any(unicodedata.category(sign) in {"Cc", "Cf", "Cs", "Co", "Cn"} or sign == "\ufffd" for sign in text)


def plain(text: str) -> str:
    """As texts are compared: composed, one space between words, no capitals."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())
