"""The process `gateway`: the only door for people. Wiring only."""

from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI, Request, Response
from pydantic import HttpUrl, model_validator
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp

from services.gateway import (
    alerts,
    archive,
    case_lists,
    cases,
    controls,
    controls_calendar,
    controls_day,
    controls_found,
    controls_objects,
    controls_report,
    controls_start,
    deciding,
    figures,
    files,
    landlord,
    law,
    oversight,
    payments,
    roles,
    store,
    suppliers,
    tips,
    web,
    work,
)
from services.gateway.calls import Calls
from services.gateway.door import KEPT_PATH, NAME, Door, FormKept, SignedOut
from services.gateway.provider import Provider, SignIn
from services.gateway.rest.api import Api
from services.gateway.rest.document import PREFIX
from services.gateway.rest.tokens import ApiConfig, Tokens
from services.kernel.clock import Clock
from services.kernel.config import DatabaseConfig, Model, Tls, load
from services.kernel.db import Database
from services.kernel.log import configure
from services.kernel.process import config_path, live
from services.kernel.records import auditor

STOP_GRACE_S = 5
REQUESTS_MAX = 200


class Certificate(Model):
    """What browsers are shown, where the gateway itself speaks TLS and no reverse proxy does."""

    certificate_file: Path
    key_file: Path


class MapConfig(Model):
    """A map server. It learns which part of the kommun is looked at before an operation, so let it be the kommun's own."""

    url: HttpUrl
    layers: str
    attribution: str = ""


class GatewayConfig(DatabaseConfig):
    """The gateway's configuration file. `tls` is for its calls to the services."""

    listen: str
    public_url: str
    certificate: Certificate | None = None
    tls: Tls
    peers: dict[str, str]
    assertion_key_file: Path
    provider: Provider
    map: MapConfig | None = None
    """Without it a map has no pictures beneath its markers."""
    api: ApiConfig | None = None
    """Whose tokens open the API for systems; without it there is none."""

    @model_validator(mode="after")
    def _nothing_less_than_the_profile(self) -> Self:
        """A demo's provider, which asks for no level of assurance, is for a local stack."""
        provider = self.provider
        strict = provider.client_authentication == "private_key_jwt" and provider.acr_values and provider.issuer.scheme == "https"
        if self.api is not None:
            strict = strict and self.api.issuer.scheme == "https" and self.api.keys_file is None
        strict = strict and (self.map is None or self.map.url.scheme == "https")
        if self.environment != "local" and not (strict and urlsplit(self.public_url).scheme == "https"):
            raise ValueError
        return self


class Web:
    """The HTTP server, run as the other loops are."""

    def __init__(self, config: GatewayConfig, app: ASGIApp) -> None:
        host, _, port = config.listen.rpartition(":")
        shown = config.certificate
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                host=host,
                port=int(port),
                log_config=None,
                access_log=False,  # an address is a trace of who looked at what; the audit has that
                server_header=False,
                proxy_headers=False,
                limit_concurrency=REQUESTS_MAX,
                timeout_graceful_shutdown=STOP_GRACE_S,
                ssl_certfile=shown.certificate_file if shown else None,
                ssl_keyfile=shown.key_file if shown else None,
            )
        )

    def run(self) -> None:
        """Serve until stopped."""
        self._server.run()

    def stop(self) -> None:
        """End after the requests that are under way."""
        self._server.should_exit = True


def build(config: GatewayConfig, database: Database, calls: Calls, clock: Clock) -> ASGIApp:
    """The pages, and beside them the API: another door, with another key."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    sign_in = SignIn(config.provider, config.public_url)
    audit = auditor(store.audit, clock)
    door = Door(database, sign_in, calls, audit, clock)
    shown = config.map
    web.frame(app, config.public_url, web.MapServer(str(shown.url), shown.layers, shown.attribution) if shown else None)

    @app.exception_handler(SignedOut)
    def signed_out(request: Request, error: SignedOut) -> Response:
        """Say so, and offer to sign in; what was asked for, or written, is shown afterwards."""
        return web.page(request, "signed_out.html", 401, wanted=error.path, kept=error.kept)

    @app.exception_handler(FormKept)
    def form_kept(request: Request, error: FormKept) -> Response:  # noqa: ARG001  # the framework's shape
        """Its person is signed in anew: they are shown it."""
        return web.go_to(KEPT_PATH)

    app.include_router(door.routes())
    app.include_router(work.routes(door))
    for pages in (archive, case_lists, cases, payments, alerts, suppliers, roles):
        app.include_router(pages.routes(door))
    app.include_router(deciding.routes(door))
    app.include_router(landlord.routes(door))
    for pages in (tips, controls, controls_objects, controls_calendar, controls_day, controls_found, controls_report, controls_start):
        app.include_router(pages.routes(door))
    app.include_router(law.routes(door))
    app.include_router(oversight.routes(door))
    app.include_router(figures.routes(door))
    app.include_router(files.routes(door))
    if config.api is None:
        return app
    api = Api(database, Tokens(config.api), calls, audit, config.public_url)
    return Starlette(routes=[Mount(PREFIX, api.app()), Mount("/", app)])


def main() -> None:
    """Run until SIGTERM."""
    configure(NAME)
    config = load(config_path("The pages for people."), GatewayConfig)
    database = Database(config, NAME)
    calls = Calls(config.peers, config.tls, config.assertion_key_file)

    def stop() -> None:
        calls.close()
        database.close()

    live([Web(config, build(config, database, calls, Clock()))], lambda: None, stop)


if __name__ == "__main__":
    main()
