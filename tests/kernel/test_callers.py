import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, KeySet, OctKey

from services.kernel.callers import Assertions, Caller, Role, sign_assertion
from services.kernel.errors import Denied

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
KEY = ECKey.generate_key("P-256", {"kid": "cli-2026-1"}, private=True)
PERSON = Caller("cli", "iaf-utredare-1", Role.FUT_INVESTIGATOR, "IAF")
CLAIMS = {
    "iss": "cli",
    "sub": "x",
    "role": "approver",
    "unit": "IAF",
    "aud": "registry",
    "iat": NOW.timestamp(),
    "exp": NOW.timestamp() + 60,
}


def assertions(*keys: ECKey) -> Assertions:
    public = [key.as_dict(private=False) for key in keys or (KEY,)]
    return Assertions(KeySet.import_key_set({"keys": public}), "registry")


def signed(key: ECKey = KEY, *, changed: Mapping[str, object] = CLAIMS) -> str:
    claims = {name: value for name, value in {**CLAIMS, **changed}.items() if value is not None}
    return jws.serialize_compact({"alg": "ES256", "kid": key.kid}, json.dumps(claims).encode(), key)


def test_an_assertion_names_the_person_again_and_again_while_it_lives() -> None:
    known = assertions()
    token = sign_assertion(KEY, PERSON, "registry", NOW)
    assert known.verify(token, "cli", NOW) == PERSON
    assert known.verify(token, "cli", NOW + timedelta(seconds=59)) == PERSON


def test_a_landlords_organisation_travels() -> None:
    landlord = Caller("cli", "hyresvard-1", Role.LANDLORD_REPORTER, "hyresvard", "559999-0180")
    assert assertions().verify(sign_assertion(KEY, landlord, "registry", NOW), "cli", NOW).organisation == "559999-0180"


@pytest.mark.parametrize("after_s", [60, 61, 3600])
def test_an_assertion_that_has_expired_is_refused_also_when_it_is_remembered(after_s: int) -> None:
    known = assertions()
    token = sign_assertion(KEY, PERSON, "registry", NOW)
    known.verify(token, "cli", NOW)
    with pytest.raises(Denied):
        known.verify(token, "cli", NOW + timedelta(seconds=after_s))


def test_an_assertion_brought_by_another_service_is_refused_also_when_it_is_remembered() -> None:
    known = assertions()
    token = sign_assertion(KEY, PERSON, "registry", NOW)
    for _ in range(2):
        with pytest.raises(Denied):
            known.verify(token, "gateway", NOW)
        assert known.verify(token, "cli", NOW) == PERSON


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "sharing"},
        {"iss": "gateway"},
        {"role": "administrator"},
        {"role": None},
        {"sub": None},
        {"sub": ""},
        {"unit": None},
        {"unit": ""},
        {"exp": NOW.timestamp() + 61},
        {"exp": "soon"},
        {"iat": NOW.timestamp() + 30},
        {"iat": None},
    ],
    ids=str,
)
def test_an_assertion_with_a_wrong_claim_is_refused(changed: dict[str, object]) -> None:
    assertions().verify(signed(), "cli", NOW)
    with pytest.raises(Denied):
        assertions().verify(signed(changed=changed), "cli", NOW)


def test_a_key_that_is_not_known_or_belongs_to_another_service_is_refused() -> None:
    with pytest.raises(Denied):
        assertions().verify(signed(ECKey.generate_key("P-256", {"kid": "cli-2026-1"})), "cli", NOW)
    foreign = ECKey.generate_key("P-256", {"kid": "gateway-2026-1"})
    with pytest.raises(Denied):
        assertions(KEY, foreign).verify(signed(foreign), "cli", NOW)


def test_no_other_algorithm_is_taken() -> None:
    payload = json.dumps(CLAIMS).encode()
    public = KEY.as_pem(private=False)
    shared = jws.serialize_compact({"alg": "HS256", "kid": KEY.kid}, payload, OctKey.import_key(urlsafe_b64encode(public).decode()))
    header = urlsafe_b64encode(json.dumps({"alg": "none", "kid": KEY.kid}).encode()).rstrip(b"=").decode()
    for token in (shared, f"{header}.{signed().split('.')[1]}."):
        with pytest.raises(Denied):
            assertions().verify(token, "cli", NOW)


@pytest.mark.parametrize("token", ["", ".", "a.b.c", "a.b", "é", "....", "{}"])
def test_what_is_no_assertion_is_refused(token: str) -> None:
    with pytest.raises(Denied):
        assertions().verify(token, "cli", NOW)


def test_an_altered_assertion_is_refused() -> None:
    header, payload, signature = signed().split(".")
    claims = json.loads(urlsafe_b64decode(payload + "==")) | {"role": "fut_manager"}
    altered = urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    with pytest.raises(Denied):
        assertions().verify(f"{header}.{altered}.{signature}", "cli", NOW)
