"""The OpenID provider: who somebody is. Authorization code with PKCE S256, after the OIDC Sweden profile (ecosystem 4)."""

import json
import secrets
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

import httpx2
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, import_key
from pydantic import HttpUrl

from services.kernel.config import Model
from services.kernel.errors import Denied, Unavailable

AFFILIATION = "https://id.oidc.se/claim/orgAffiliation"
"""`id@organisation number`: the person's identity with the employer. Never a personnummer, never an e-mail address."""

_ALGORITHM_OF = {"RSA": "RS256", "EC": "ES256"}
ALGORITHMS = list(_ALGORITHM_OF.values())
_TIMEOUT_S = 5.0
_LEEWAY_S = 60
KEYS_AGE_MIN_S = 10.0


class Provider(Model):
    """How the provider is reached. `acr_values` are the levels of assurance that are accepted; empty asks for none (local only)."""

    issuer: HttpUrl
    client_id: str
    client_authentication: Literal["private_key_jwt", "client_secret_basic"] = "private_key_jwt"
    client_secret_file: Path
    """The private JWK, or the secret."""
    acr_values: tuple[str, ...] = ()

    @property
    def issuer_text(self) -> str:
        """The issuer as it stands in a token."""
        return str(self.issuer).rstrip("/")


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser is sent, and what has to be remembered until it comes back."""

    address: str
    state: str
    nonce: str
    verifier: str


class Issuer:
    """Who signs tokens: where its endpoints and keys are. Asked when something is first needed; Unavailable when it is away."""

    def __init__(self, address: str) -> None:
        """`address` is the issuer as it stands in its tokens."""
        self._address = address
        self._lock = threading.Lock()
        self._found: dict[str, Any] | None = None
        self._keys: KeySet | None = None
        self._asked_s = 0.0

    def endpoint(self, name: str) -> str:
        """An address of the issuer's discovery document."""
        with self._lock:
            if self._found is None:
                found = _fetched(f"{self._address}/.well-known/openid-configuration")
                if found.get("issuer") != self._address:
                    raise Unavailable(_AWAY)
                self._found = found
            return str(self._found[name])

    def read(self, token: str) -> jwt.Token:
        """What a token says, when this issuer has signed it; its claims are not judged. Raises JoseError or ValueError."""
        try:
            return jwt.decode(token, self._key_set(), algorithms=ALGORITHMS)
        except ValueError:  # a key that we have not seen: the issuer may have changed keys
            return jwt.decode(token, self._key_set(again=True), algorithms=ALGORITHMS)

    def _key_set(self, *, again: bool = False) -> KeySet:
        address = self.endpoint("jwks_uri")
        with self._lock:
            # Anybody can name a key that nobody has: the issuer is not asked for each of them.
            old = time.monotonic() - self._asked_s > KEYS_AGE_MIN_S
            if self._keys is None or (again and old):
                self._keys = KeySet.import_key_set(_fetched(address))  # type: ignore[arg-type]  # checked by the library
                self._asked_s = time.monotonic()
            return self._keys


class SignIn:
    """Sends a browser to the provider and reads what it brings back."""

    def __init__(self, provider: Provider, public_url: str) -> None:
        """The provider is asked at the first sign-in. It sends people back to addresses under `public_url`."""
        self._provider = provider
        self._redirect_uri = f"{public_url}/logga-in/svar"
        self._after_uri = f"{public_url}/"
        self._issuer = Issuer(provider.issuer_text)

    def begin(self) -> Begun:
        """A new sign-in. Raises Unavailable when the provider does not answer."""
        nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
        wanted: dict[str, Any] = {AFFILIATION: {"essential": True}}
        extra = {}
        if self._provider.acr_values:
            wanted["acr"] = {"essential": True, "values": list(self._provider.acr_values)}
            extra["acr_values"] = " ".join(self._provider.acr_values)
        with self._client() as client:
            address, state = client.create_authorization_url(
                self._issuer.endpoint("authorization_endpoint"),
                code_verifier=verifier,
                nonce=nonce,
                claims=json.dumps({"id_token": wanted}),
                **extra,
            )
        return Begun(address, state, nonce, verifier)

    def finish(self, code: str, nonce: str, verifier: str) -> str:
        """The affiliation of the person whom the code is about. Raises Denied, or Unavailable when the provider does not answer."""
        try:
            with self._client() as client:
                token = client.fetch_token(self._issuer.endpoint("token_endpoint"), code=code, code_verifier=verifier)
            return self._affiliation(str(token["id_token"]), nonce)
        except httpx2.HTTPError:
            raise Unavailable(_AWAY) from None
        except (OAuthError, JoseError, KeyError, TypeError, ValueError):
            # What the provider says may be about a person: its words go no further.
            raise Denied("Inloggningen gick inte att genomföra.") from None

    def sign_out_address(self) -> str:
        """Where a person ends the provider's own session (OIDC RP-Initiated Logout); empty when it has no such place or is away.

        No hint of who it is: an address is no place for that, so the provider asks.
        """
        try:
            place = self._issuer.endpoint("end_session_endpoint")
        except (KeyError, Unavailable):
            return ""
        return f"{place}?{urlencode({'client_id': self._provider.client_id, 'post_logout_redirect_uri': self._after_uri})}"

    def _affiliation(self, id_token: str, nonce: str) -> str:
        claims = self._issuer.read(id_token).claims
        must: dict[str, Any] = {
            "iss": {"essential": True, "value": self._provider.issuer_text},
            "aud": {"essential": True, "value": self._provider.client_id},
            "exp": {"essential": True},
            "iat": {"essential": True},
            "nonce": {"essential": True, "value": nonce},
            AFFILIATION: {"essential": True},
        }
        if self._provider.acr_values:
            must["acr"] = {"essential": True, "values": list(self._provider.acr_values)}
        jwt.JWTClaimsRegistry(leeway=_LEEWAY_S, **must).validate(claims)
        return str(claims[AFFILIATION])

    def _client(self) -> OAuth2Client:
        provider = self._provider
        secret: Any = provider.client_secret_file.read_text(encoding="utf-8").strip()
        key = import_key(json.loads(secret)) if provider.client_authentication == "private_key_jwt" else None
        client = OAuth2Client(
            provider.client_id,
            key or secret,
            token_endpoint_auth_method=provider.client_authentication,
            scope="openid",
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
            timeout=_TIMEOUT_S,
        )
        if key is not None:
            named, algorithm = {"kid": key.kid} if key.kid else {}, _ALGORITHM_OF[key.key_type]
            client.register_client_auth_method(PrivateKeyJWT(self._issuer.endpoint("token_endpoint"), headers=named, alg=algorithm))
        return client


_AWAY = "Inloggningstjänsten svarar inte just nu. Försök igen om en stund."


def _fetched(address: str) -> dict[str, Any]:
    try:
        answer = httpx2.get(address, timeout=_TIMEOUT_S, follow_redirects=False)
        answer.raise_for_status()
        found = answer.json()
    except (httpx2.HTTPError, ValueError):
        raise Unavailable(_AWAY) from None
    if not isinstance(found, dict):
        raise Unavailable(_AWAY)
    return found
