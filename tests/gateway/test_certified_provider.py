"""Signing in at a provider that is certified and not ours (npm oidc-provider), after the OIDC Sweden profile, on the running stack."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from joserfc.jwk import ECKey

from infra import stack
from services.gateway.door import SESSION_COOKIE
from services.gateway.provider import AFFILIATION
from tests.gateway.browser import Browser
from tests.gateway.systems import a_port, gateway_beside
from tests.judges.node import require_node
from tests.programs import built

HERE = Path(__file__).parent / "certified"
LEVEL = "http://id.elegnamnden.se/loa/1.0/loa3"
CLIENT = "los-gateway"
OFFICER, ORG_NUMBER = "iaf-utredare-1", "2120000449"
FAULTS = ("issuer", "audience", "nonce", "no-nonce", "level", "no-level", "expired", "no-affiliation", "signature", "unsigned")


class Certified:
    """The provider and a gateway that lets people in by its word."""

    def __init__(self, running: stack.Stack, folder: Path, algorithm: str) -> None:
        key = ECKey.generate_key("P-256", {"kid": "los-1", "alg": "ES256", "use": "sig"})
        secret = folder / f"client-{algorithm}.jwk"
        secret.write_text(json.dumps(key.as_dict(private=True)), encoding="ascii")
        self.issuer, self.url = (f"http://localhost:{a_port()}" for _ in range(2))
        client = {
            "client_id": CLIENT,
            "redirect_uris": [f"{self.url}/logga-in/svar"],
            "post_logout_redirect_uris": [f"{self.url}/"],
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": "ES256",
            "id_token_signed_response_alg": algorithm,
            "jwks": {"keys": [key.as_dict(private=False)]},
        }
        accounts = {OFFICER: f"{OFFICER}@{ORG_NUMBER}", "okand": f"okand@{ORG_NUMBER}"}
        accounts |= {f"fault:{fault}": f"{OFFICER}@{ORG_NUMBER}" for fault in FAULTS}
        settings = {
            "port": int(self.issuer.rpartition(":")[2]),
            "client": client,
            "levels": [LEVEL],
            "affiliation": AFFILIATION,
            "accounts": accounts,
        }
        self._process = subprocess.Popen(
            [require_node(), str(_installed() / "provider.mjs"), json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        self.provider = {
            "issuer": self.issuer,
            "client_id": CLIENT,
            "client_authentication": "private_key_jwt",
            "client_secret_file": str(secret),
            "acr_values": [LEVEL],
        }
        self._gateway = gateway_beside(running, self.url, provider=self.provider)
        self._gateway.__enter__()

    def close(self) -> None:
        self._gateway.__exit__(None, None, None)
        with self._process:
            self._process.terminate()
            self._process.wait(timeout=10)


def _installed() -> Path:
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    return built("certified", [HERE / name for name in ("package.json", "package-lock.json", "provider.mjs")], lambda _: [command])


@pytest.fixture(scope="module", params=["RS256", "ES256"])
def certified(running: stack.Stack, tmp_path_factory: pytest.TempPathFactory, request: Any) -> Iterator[Certified]:  # noqa: ANN401
    """The provider with each of the algorithms that the profile lets it sign with."""
    found = Certified(running, tmp_path_factory.mktemp("certified"), request.param)
    yield found
    found.close()


@pytest.fixture
def here(certified: Certified) -> Iterator[Browser]:
    with Browser(certified.url) as found:
        yield found


def test_a_person_signs_in_with_level_three_and_is_who_the_kommuns_table_says(here: Browser) -> None:
    page = here.sign_in(OFFICER)

    assert page.status_code == 200, page.text
    assert "Elsa Utredare" in page.text


def test_what_is_asked_of_the_provider_is_what_the_profile_wants(here: Browser, certified: Certified) -> None:
    asked = parse_qs(urlsplit(here.ask("GET", "/logga-in").headers["location"]).query)

    assert (asked["response_type"], asked["code_challenge_method"], asked["scope"]) == (["code"], ["S256"], ["openid"])
    assert asked["redirect_uri"] == [f"{certified.url}/logga-in/svar"]
    assert json.loads(asked["claims"][0]) == {"id_token": {AFFILIATION: {"essential": True}, "acr": {"essential": True, "values": [LEVEL]}}}


def test_whoever_the_kommun_does_not_know_is_not_let_in(here: Browser) -> None:
    page = here.sign_in("okand")

    assert page.status_code == 403
    assert "Inloggningen gick inte att genomföra" in page.text


@pytest.mark.parametrize("fault", FAULTS)
def test_an_id_token_that_is_not_as_it_should_be_lets_nobody_in(here: Browser, running: stack.Stack, fault: str) -> None:
    page = here.sign_in(f"fault:{fault}")

    assert page.status_code == 403
    assert (here.origin.split("//")[1], SESSION_COOKIE) not in here.cookies
    with psycopg.connect(running.postgres.url()) as tables:
        kept = tables.execute("SELECT outcome, details->>'reason' FROM gateway.audit ORDER BY id DESC LIMIT 1").fetchone()
    assert kept == ("refused", "token_refused")


def test_a_code_without_its_verifier_is_worth_nothing(here: Browser, running: stack.Stack) -> None:
    chooser = here.see("/logga-in")
    with psycopg.connect(running.postgres.url()) as tables:
        tables.execute("UPDATE gateway.sign_in SET verifier = repeat('x', 64)")

    page = here.follow(here.ask("POST", str(chooser.url), form={"sub": OFFICER}))

    assert page.status_code == 403


def test_whoever_has_the_key_of_another_client_gets_no_token(running: stack.Stack, certified: Certified, tmp_path: Path) -> None:
    stolen = tmp_path / "stolen.jwk"
    stolen.write_text(json.dumps(ECKey.generate_key("P-256", {"kid": "los-1"}).as_dict(private=True)), encoding="ascii")
    url = f"http://localhost:{a_port()}"
    with gateway_beside(running, url, provider=certified.provider | {"client_secret_file": str(stolen)}), Browser(url) as other:
        begun = other.ask("GET", "/logga-in").headers["location"].replace(url.split(":")[2], certified.url.split(":")[2])
        chooser = other.see(begun)
        back = other.ask("POST", str(chooser.url), form={"sub": OFFICER})
        while not back.headers["location"].startswith(certified.url):
            back = other.ask("GET", back.headers["location"])
        page = other.see(back.headers["location"].replace(certified.url, url))

    assert page.status_code == 403


def test_signing_out_ends_the_session_here_and_offers_to_end_it_at_the_provider(here: Browser, certified: Certified) -> None:
    page = here.sign_in(OFFICER)
    done = here.follow(here.send(page, {}, "/logga-ut"))

    assert "Du är utloggad" in done.text
    assert "Mitt arbete" not in here.see("/").text
    (away,) = [part for part in done.text.split('"') if part.startswith(certified.issuer)]
    asked = here.see(away.replace("&amp;", "&"))
    assert asked.status_code == 200
    (word,) = re.findall(r'name="xsrf" value="([^"]+)"', asked.text)
    confirmed = here.ask("POST", f"{certified.issuer}/session/end/confirm", form={"xsrf": word, "logout": "yes"})
    assert confirmed.headers["location"].startswith(f"{certified.url}/")
    assert here.see("/logga-in").url.path.startswith("/choose/")  # the provider asks who it is again
