"""What went wrong, as application/problem+json (RFC 9457): Swedish, the field named, nothing of what was sent."""

import re
from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor import Descriptor
from starlette.responses import JSONResponse

from services.kernel.errors import Conflict, ConflictReason, Denied, Failure, Invalid, NotFound, Unavailable

MEDIA_TYPE = "application/problem+json"
TITLES: Mapping[int, str] = {
    400: "Något i begäran stämmer inte",
    401: "Systemet är inte inloggat",
    403: "Systemets roll får inte göra detta",
    404: "Finns inte",
    405: "Metoden finns inte här",
    406: "Svaret finns bara som JSON",
    409: "Går inte att göra nu",
    412: "Det har ändrats sedan systemet läste det",
    413: "För stort",
    415: "Innehållet ska vara JSON",
    422: "Nyckeln har redan använts till något annat",
    428: "If-Match saknas",
    500: "Något gick fel hos oss",
    503: "Tjänsten svarar inte just nu",
}
STATUSES: Mapping[type[Failure], int] = {Invalid: 400, Denied: 403, NotFound: 404, Conflict: 409, Unavailable: 503}
CONFLICTS: Mapping[str, int] = {ConflictReason.ETAG: 412, ConflictReason.REQUEST_REUSED: 422}
# Where a field of the contract stands in HTTP.
PLACES: Mapping[str, str] = {
    "request_id": "Idempotency-Key",
    "etag": "If-Match",
    "page.page_token": "offset",
    "page.page_size": "limit",
}
FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_.\[\]-]*")
RETRY_AFTER_S = "5"


class Problem(Exception):
    """A request that cannot be answered as it stands."""

    def __init__(self, status: int, detail: str, *, reason: str, field: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.detail = detail
        self.reason = reason
        self.field = field
        self.headers = dict(headers or {})

    def answer(self, instance: str) -> JSONResponse:
        """The answer; `instance` is what to name when one asks about it."""
        content: dict[str, Any] = {
            "type": f"urn:los:problem:{self.reason.lower().replace('_', '-')}",
            "title": TITLES.get(self.status, "Det gick inte"),
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "reason": self.reason,
        }
        if self.field:
            content["field"] = self.field
        return JSONResponse(content, self.status, self.headers, media_type=MEDIA_TYPE)


def of_failure(failure: Failure, asked: Descriptor | None = None) -> Problem:
    """A planned failure, with the contract's field where it stands in HTTP, or in the body that `asked` is."""
    status = next((status for kind, status in STATUSES.items() if isinstance(failure, kind)), 500)
    status = CONFLICTS.get(failure.reason, status) if isinstance(failure, Conflict) else status
    name, _, words = failure.message.partition(": ")
    named = bool(words) and FIELD.fullmatch(name) is not None and status != 403  # noqa: PLR2004  # a refused call names the method
    headers = {"Retry-After": RETRY_AFTER_S} if isinstance(failure, Unavailable) else None
    detail = f"{words[:1].upper()}{words[1:]}" if words and FIELD.fullmatch(name) else failure.message
    return Problem(
        status, detail, reason=failure.reason, field=PLACES.get(name, camel(_placed(name, asked))) if named else "", headers=headers
    )


def _placed(name: str, asked: Descriptor | None) -> str:
    """The whole way to a field: a service says where in the record, not where in the body."""
    first = re.split(r"[.\[]", name)[0]
    for each in asked.fields if asked is not None and first not in asked.fields_by_name else ():
        if each.message_type is not None and first in each.message_type.fields_by_name:
            return f"{each.name}.{name}"
    return name


def camel(name: str) -> str:
    """A field of the contract as JSON names it."""
    return re.sub(r"_([a-z0-9])", lambda found: found[1].upper(), name)
