"""The pages' frame: who asks, what a browser is told with every answer, and what a failure looks like.

Every page works without JavaScript. Nothing personal stands in an address, a title, a cookie or a log.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
from babel.dates import format_datetime
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from google.protobuf.timestamp_pb2 import Timestamp
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException

from services.gateway.words import CASE_PATHS, FIELDS, RECORD_KINDS, sentence, step, word
from services.kernel.clock import STOCKHOLM, instant
from services.kernel.errors import Conflict, Denied, Failure, Invalid, NotFound, Unavailable
from services.kernel.ids import new_id
from services.kernel.log import log, place_of
from services.kernel.reference import Words, reference
from services.kernel.rpc import failure_of

HERE = Path(__file__).parent
CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
MAP_SOURCES = "img-src 'self' data:"
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": CSP,
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",  # with no-referrer a browser says of no form where it came from
    "X-Content-Type-Options": "nosniff",
}
STATIC_CACHE = "public, max-age=3600"
BODY_BYTES_MAX = 64 * 1024
LIST_BYTES_MAX = 10_000_000
"""Largest list that is sent in on a page."""
LIST_PATHS = frozenset({"/anmalan/lista", "/filer"})
SAFE = frozenset({"GET", "HEAD"})
STATUSES: Mapping[type[Failure], int] = {Invalid: 400, Denied: 403, NotFound: 404, Conflict: 409, Unavailable: 503}
TITLES: Mapping[int, str] = {
    400: "Något i det du skickade stämmer inte",
    403: "Du har inte behörighet till sidan",
    404: "Sidan eller ärendet finns inte",
    409: "Det har ändrats sedan du såg det",
    503: "Tjänsten svarar inte just nu",
}


def moment(value: Timestamp) -> str:
    """An instant as it is read in Sweden."""
    return str(format_datetime(instant(value).astimezone(STOCKHOLM), "yyyy-MM-dd HH:mm", locale="sv_SE"))


def receiver(code: str) -> str:
    """Who is told, in words."""
    return word(reference().receivers, code)


def in_words(value: str, field: str) -> str:
    """A value that is sent, with the word of its code where it is one."""
    known = reference()
    lists: dict[str, Words[Any]] = {
        "payment.suspected_error_kind": known.causes,
        "payment.deciding_body": known.receivers,
        "payment.benefit_type": known.benefits,
        "alert.suspected_error_kind": known.error_kinds,
        "alert.source_kind": known.sources,
        "finding.category": known.findings,
        "finding.own_legal_ground_id": known.control_grounds,
        "control.own_legal_ground_id": known.control_grounds,
    }
    said = word(lists[field], value) if field in lists else value
    return value if said == value else f"{said} ({value})"


PAGES = Environment(
    loader=PackageLoader("services.gateway"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
PAGES.filters |= {
    "moment": moment,
    "receiver": receiver,
    "record_kind": lambda code: RECORD_KINDS.get(code, code),
    "case_path": lambda kind: CASE_PATHS.get(kind, ""),
    "step": step,
    "sentence": sentence,
    "in_words": in_words,
    "field": lambda name: FIELDS.get(name, name),
}


def page(request: Request, name: str, status: int = 200, **words: Any) -> HTMLResponse:  # noqa: ANN401  # what a template takes
    """A page for whoever asks."""
    who = getattr(request.state, "who", None)
    return HTMLResponse(PAGES.get_template(name).render(who=who, **words), status)


def own_path(path: str) -> str:
    """A path of ours to go on to; the start page for anything else, so that nobody is sent elsewhere."""
    parts = urlsplit(path)
    ours = path.startswith("/") and not path.startswith("//") and "\\" not in path and not parts.netloc and path.isprintable()
    return parts.path if ours else "/"


@dataclass(frozen=True, slots=True)
class MapServer:
    """Where pictures of a map come from (WMS, EPSG:3006), if anywhere: which layers, and whose they are."""

    url: str
    layers: str
    attribution: str

    @property
    def origin(self) -> str:
        """What the policy has to allow."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


def frame(app: FastAPI, public_url: str, map_server: MapServer | None = None) -> None:
    """Put on `app` what every answer has in common. A map server is the only one elsewhere that a page may get anything from: pictures."""
    origin = urlsplit(public_url)
    app.state.map_server = map_server
    headers = dict(HEADERS)
    if map_server is not None:
        headers["Content-Security-Policy"] = CSP.replace(MAP_SOURCES, f"{MAP_SOURCES} {map_server.origin}")
    ours = f"{origin.scheme}://{origin.netloc}"
    app.mount("/static", StaticFiles(directory=HERE / "static"))

    @app.middleware("http")
    async def guard(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        """Only our own name, only our own forms, only small ones; and the same headers on everything."""
        refusal = _refusal(request, origin.netloc, ours)
        response = refusal or await go_on(request)
        response.headers.update(headers)
        if request.url.path.startswith("/static/") and response.status_code < 400:  # noqa: PLR2004  # a success
            response.headers["Cache-Control"] = STATIC_CACHE
        if origin.scheme == "https":
            response.headers["Strict-Transport-Security"] = "max-age=63072000"
        return response

    _tell_failures(app, headers)


def _tell_failures(app: FastAPI, headers: Mapping[str, str]) -> None:
    """A page for everything that can go wrong; none of them repeats what was sent."""

    @app.exception_handler(Failure)
    def planned(request: Request, error: Failure) -> Response:
        status = next((status for kind, status in STATUSES.items() if isinstance(error, kind)), 500)
        return _problem(request, status, error.message)

    @app.exception_handler(grpc.RpcError)
    def refused(request: Request, error: grpc.RpcError) -> Response:
        return planned(request, failure_of(error))

    @app.exception_handler(RequestValidationError)
    def unreadable(request: Request, error: RequestValidationError) -> Response:
        """An address that cannot be is not there; a form that is not ours is wrong. What was sent is not repeated."""
        in_path = any(problem["loc"][0] == "path" for problem in error.errors())
        return planned(request, NotFound() if in_path else Invalid("Formuläret gick inte att läsa. Ladda om sidan och försök igen."))

    @app.exception_handler(HTTPException)
    def unknown(request: Request, error: HTTPException) -> Response:
        if error.status_code in {404, 405}:
            return planned(request, NotFound())
        return _problem(request, error.status_code, "")

    @app.exception_handler(Exception)
    def unplanned(request: Request, error: Exception) -> Response:
        incident = str(new_id())
        log.error("unplanned_error", incident=incident, error=type(error).__name__, place=place_of(error))
        response = _problem(request, 500, f"Något gick fel hos oss. Uppge nummer {incident} om du hör av dig.")
        response.headers.update(headers)  # the guard has been passed by
        return response


def _problem(request: Request, status: int, message: str) -> Response:
    return page(request, "problem.html", status, title=TITLES.get(status, "Något gick fel"), message=message)


def _refusal(request: Request, host: str, ours: str) -> Response | None:
    if request.headers.get("host") != host:
        return Response("Okänd värd.", 400, media_type="text/plain; charset=utf-8")
    if request.method in SAFE:
        return None
    bytes_max = LIST_BYTES_MAX + BODY_BYTES_MAX if request.url.path in LIST_PATHS else BODY_BYTES_MAX
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or int(length) > bytes_max:
        return Response("För stort.", 413, media_type="text/plain; charset=utf-8")
    site, sent_from = request.headers.get("sec-fetch-site", "same-origin"), request.headers.get("origin", ours)
    named = "sec-fetch-site" in request.headers or "origin" in request.headers
    if site != "same-origin" or sent_from != ours or not named:
        return Response("Formuläret kom inte härifrån.", 403, media_type="text/plain; charset=utf-8")
    return None


def go_to(path: str) -> RedirectResponse:
    """See another page of ours (303: a form is not sent twice)."""
    return RedirectResponse(path, 303)
