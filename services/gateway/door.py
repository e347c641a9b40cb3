"""Signing in and out, and who asks. A session is a row; role and unit are read anew for each request."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from los.sharing.v1.sharing_pb2_grpc import SharingServiceStub

from services.gateway import kept, store
from services.gateway.calls import Calls, Services
from services.gateway.forms import Sent
from services.gateway.provider import SignIn
from services.gateway.web import go_to, own_path, page
from services.kernel.callers import Caller, Role
from services.kernel.clock import Clock
from services.kernel.db import Database
from services.kernel.errors import Denied
from services.kernel.records import Audit

SESSION_COOKIE = "__Host-los"
BROWSER_COOKIE = "__Host-los-inloggning"
NAME = "gateway"
SECRET_BYTES = 32
KEPT_PATH = "/fortsatt"


@dataclass(frozen=True, slots=True)
class Who:
    """A signed-in person as the kommun's own table has them now."""

    caller: Caller
    name: str
    csrf: str

    @property
    def role(self) -> Role:
        """What the person may be in los."""
        assert self.caller.role is not None  # noqa: S101  # an account has one
        return self.caller.role


class SignedOut(Exception):
    """Nobody is signed in; `path` is where they wanted to go. `kept`: they sent a form, and what they wrote is kept for them."""

    def __init__(self, path: str, *, kept: bool = False) -> None:
        super().__init__()
        self.path = path
        self.kept = kept


class FormKept(Exception):
    """A form of an earlier session of the same person's: it is kept, to be shown again."""


class Door:
    """Sessions, and the services as whoever asks may use them."""

    def __init__(self, database: Database, sign_in: SignIn, calls: Calls, audit: Audit, clock: Clock) -> None:
        """Passed in; app.py builds them."""
        self._database = database
        self._sign_in = sign_in
        self._calls = calls
        self._audit = audit
        self._clock = clock

    def who(self, request: Request) -> Who | None:
        """Who asks; None when nobody is signed in, or the session has ended."""
        token = request.cookies.get(SESSION_COOKIE)
        if not token:
            return None
        with self._database.transaction() as tx:
            row = store.live_session(tx, token, self._clock.now())
        if row is None:
            return None
        who = Who(Caller(NAME, row.person, Role(row.role), row.unit, row.organisation), row.name, row.csrf)
        request.state.who = who
        return who

    def require(self, request: Request) -> Who:
        """Who asks. Raises SignedOut."""
        who = self.who(request)
        if who is None:
            raise SignedOut(request.url.path if request.method == "GET" else "/")
        return who

    def allowed(self, request: Request, roles: Iterable[Role], form: Sent | None = None) -> Who:
        """Who asks, in one of these roles; `form`: sent, and made for this session. Raises SignedOut, FormKept, Denied.

        A form that comes after its session has ended is kept, and its person is shown it again.
        """
        who = self.who(request)
        if who is None and form is not None and self._keep(request, form, None):
            raise SignedOut(KEPT_PATH, kept=True)
        who = who or self.require(request)
        if who.role not in roles:
            raise Denied("Sidan hör till en annan roll än din.")
        if form is not None:
            if not secrets.compare_digest(who.csrf.encode(), form.text("csrf").encode()) and self._keep(request, form, who):
                raise FormKept
            self.require_form(who, form.text("csrf"))
        return who

    def _keep(self, request: Request, form: Sent, who: Who | None) -> bool:
        """Keep a form of a session that has ended: the browser's own last one, or an earlier one of whoever is signed in."""
        token, now = request.cookies.get(SESSION_COOKIE, ""), self._clock.now()
        with self._database.transaction() as tx:
            of = store.session_of_form(tx, form.text("csrf")) if token else None
            if of is None or (of.token != store.hashed(token) if who is None else of.person != who.caller.person):
                return False
            kept.keep(tx, token, of.person, kept.KeptForm(request.url.path, form.values), now)
        return True

    def kept_forms(self, request: Request, who: Who) -> list[kept.KeptForm]:
        """What this person had written in this browser when their session ended."""
        with self._database.transaction() as tx:
            return kept.kept(tx, request.cookies.get(SESSION_COOKIE, ""), who.caller.person or "", self._clock.now())

    def forget_forms(self, request: Request) -> None:
        """Nobody wants it any more."""
        with self._database.transaction() as tx:
            store.forget_forms(tx, request.cookies.get(SESSION_COOKIE, ""))

    def services(self, who: Who) -> Services:
        """The services as this person may use them."""
        return self._calls.speaking_for(who.caller)

    def colleagues(self, who: Who, roles: Iterable[Role]) -> list[tuple[str, str]]:
        """The user names and names of the people in the person's own unit who have one of these roles."""
        with self._database.transaction() as tx:
            return [(row.person, row.name) for row in store.colleagues(tx, who.caller.unit or "", roles)]

    def names(self, persons: Iterable[str]) -> dict[str, str]:
        """The names of those whose user names a page has; who has no account here is not among them."""
        with self._database.transaction() as tx:
            return {row.person: row.name for row in store.names(tx, set(persons))}

    def name(self, person: str) -> str:
        """The name of one; their user name, where there is no account."""
        return self.names([person]).get(person, person)

    def last_there(self, history: Sequence[Any]) -> str:
        """The name of who took the last step of a history; empty for none."""
        return self.name(history[-1].person) if history else ""

    @property
    def public(self) -> SharingServiceStub:
        """Sharing, for those who are nobody here."""
        return self._calls.public

    def require_form(self, who: Who, csrf: str) -> None:
        """Raises Denied unless the form was made for this session."""
        if not secrets.compare_digest(who.csrf.encode(), csrf.encode()):
            raise Denied("Formuläret hör till en annan inloggning. Ladda om sidan och försök igen.")

    def routes(self) -> APIRouter:
        """The pages of the door."""
        router = APIRouter()

        @router.get("/logga-in")
        def sign_in(till: str = "/") -> Response:
            """To the provider; where to go on afterwards is kept here, not sent along."""
            begun, browser = self._sign_in.begin(), secrets.token_urlsafe(SECRET_BYTES)
            with self._database.transaction() as tx:
                store.begin(
                    tx,
                    browser,
                    begun.state,
                    self._clock.now(),
                    nonce=begun.nonce,
                    verifier=begun.verifier,
                    next_path=own_path(till),
                )
            response = go_to(begun.address)
            _set(response, BROWSER_COOKIE, browser)
            return response

        @router.get("/logga-in/svar")
        def signed_in(request: Request, code: str = "", state: str = "") -> Response:
            """Back from the provider: the same browser, once, with an account of ours. A new session each time."""
            now = self._clock.now()
            with self._database.transaction() as tx:
                begun = store.finish(tx, request.cookies.get(BROWSER_COOKIE, ""), state, now)
            if begun is None or not code:
                return self._refused(request, "sign_in_unknown")
            try:
                affiliation = self._sign_in.finish(code, begun.nonce, begun.verifier)
            except Denied:
                return self._refused(request, "token_refused")
            token, old = secrets.token_urlsafe(SECRET_BYTES), request.cookies.get(SESSION_COOKIE)
            with self._database.transaction() as tx:
                account = store.account_of(tx, affiliation)
                if account is not None:
                    carried = bool(old) and kept.carry_over(tx, old or "", token, account.person, now)
                    if old:
                        store.end_session(tx, old)
                    store.open_session(tx, token, secrets.token_urlsafe(SECRET_BYTES), account.person, now)
                    caller = Caller(NAME, account.person, Role(account.role), account.unit, account.organisation)
                    self._audit(tx, "gateway:session:open", caller)
            if account is None:
                return self._refused(request, "no_account")
            response = go_to(KEPT_PATH if carried else begun.next_path)
            _set(response, SESSION_COOKIE, token)
            response.delete_cookie(BROWSER_COOKIE, secure=True, httponly=True, samesite="lax")
            return response

        @router.post("/logga-ut")
        def sign_out(request: Request, csrf: Annotated[str, Form()] = "") -> Response:
            """End the session, here and in the table."""
            who = self.require(request)
            self.require_form(who, csrf)
            with self._database.transaction() as tx:
                store.close_session(tx, request.cookies.get(SESSION_COOKIE, ""))
                self._audit(tx, "gateway:session:close", who.caller)
            response = go_to("/utloggad")
            response.delete_cookie(SESSION_COOKIE, secure=True, httponly=True, samesite="lax")
            return response

        router.add_api_route("/utloggad", self._left, methods=["GET"])
        return router

    def _left(self, request: Request) -> Response:
        """That it is done here, and where the provider's own session is ended: other services may be using that one."""
        if self.who(request) is not None:
            return go_to("/")
        return page(request, "left.html", at_provider=self._sign_in.sign_out_address())

    def _refused(self, request: Request, reason: str) -> Response:
        with self._database.transaction() as tx:
            self._audit(tx, "gateway:session:open", Caller(NAME), outcome="refused", reason=reason)
        return page(request, "not_signed_in.html", 403)


def _set(response: Response, name: str, value: str) -> None:
    response.set_cookie(name, value, secure=True, httponly=True, samesite="lax", path="/")
