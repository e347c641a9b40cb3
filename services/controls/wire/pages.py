"""Stable pages: the token names the last row seen (AIP-158)."""

import base64
import binascii
from uuid import UUID

from los.common.v1 import common_pb2

from services.kernel.errors import Invalid

PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX = 20, 100


def page_size(page: common_pb2.Page) -> int:
    """How many rows are asked for; 20 when nothing is said, never more than 100. Raises Invalid."""
    if page.page_size < 0:
        raise Invalid("page_size: ange ett tal som inte är negativt.")
    return min(page.page_size or PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX)


def after(page: common_pb2.Page) -> UUID | None:
    """The last row that was seen, or None on the first page. Raises Invalid."""
    if not page.page_token:
        return None
    try:
        return UUID(bytes=base64.b64decode(page.page_token, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        raise Invalid("page_token: ange det värde som den förra sidan gav.") from None


def token(last: UUID) -> str:
    """What asks for the page after this row."""
    return base64.urlsafe_b64encode(last.bytes).decode()
