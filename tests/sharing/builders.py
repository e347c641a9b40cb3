"""Valid things to start from; a test names only what matters to it."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from joserfc.jwk import ECKey

from services.kernel.clock import FixedClock
from services.kernel.protection import Protection
from services.kernel.vault import Vault
from services.sharing.decisions import Decisions
from services.sharing.domain import CodedFact, Offer
from services.sharing.legal import law
from services.sharing.sealing import Key, Keys, Receiver
from services.sharing.store import Store

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
TODAY = date(2026, 11, 23)
RECORD = UUID("01890000-0000-7000-8000-000000000001")
DISCLOSURE = UUID("01890000-0000-7000-8000-000000000002")
PERSON = "193101139198"  # samples/testpersonnummer.txt
AGENCIES = {
    "skatteverket-folkbokforing": "skatteverket",
    "skatteverket-beskattning": "skatteverket",
    "forsakringskassan": "forsakringskassan",
    "kronofogden": "kronofogden",
    "polismyndigheten": "polisen",
}


def an_offer(**changes: Any) -> Offer:  # noqa: ANN401  # any field
    """An alert at KLF about a person whose protection was just checked."""
    offer = Offer(
        record_kind="folkbokforing_alert",
        record_id=RECORD,
        revision=1,
        receiver_kind="skatteverket-folkbokforing",
        unit="KLF",
        secrecy=frozenset(),
        protection=Protection.NONE,
        checked_time=NOW,
        handled_by=frozenset({"klf-handlaggare-1"}),
        fields={
            "subject.full_name": "Alma Demo",
            "subject.personal_identity_number": PERSON,
            "dwelling.street_address": "Exempelgatan 1",
            "dwelling.apartment_number": "1201",
            "alert.suspected_error_kind": "not_living_at_registered_dwelling",
            "alert.observed_from": "2026-10-01",
            "alert.observed_to": "2026-11-01",
            "alert.source_kind": "landlord",
            "alert.circumstances": [CodedFact("apartment_empty", date(2026, 10, 1), date(2026, 11, 1))],
        },
    )
    return replace(offer, **changes)


def a_payment(**changes: Any) -> Offer:  # noqa: ANN401  # any field
    """A payment at IAF, decided by Försäkringskassan."""
    offer = an_offer(
        record_kind="suspected_payment",
        receiver_kind="forsakringskassan",
        unit="IAF",
        secrecy=frozenset({"26:1"}),
        fields={
            "subject.full_name": "Alma Demo",
            "subject.personal_identity_number": PERSON,
            "payment.benefit_type": "bostadsbidrag",
            "payment.deciding_body": "forsakringskassan",
            "payment.period_from": "2026-02",
            "payment.period_to": "2026-08",
            "payment.suspected_error_kind": "cohabitation",
            "payment.observed_at": "2026-11-01",
            "payment.circumstances": [CodedFact("cohabitation", date(2026, 2, 1), date(2026, 8, 31))],
        },
    )
    return replace(offer, **changes)


def keys() -> Keys:
    """Throw-away keys of the kommun and of every receiver kind."""
    made = {kind: Key(ECKey.generate_key("P-256", parameters={"kid": f"{kind}-2026-1"})) for kind in [*AGENCIES, "sig", "enc"]}
    return Keys((made["sig"],), (made["enc"],), {kind: Receiver(agency, (made[kind],)) for kind, agency in AGENCIES.items()})


def decisions(clock: FixedClock | None = None) -> Decisions:
    """The engine with throw-away keys at a fixed time."""
    made, store = keys(), Store(Vault("sharing", b"k" * 32, b"i" * 32))
    return Decisions(law(), lambda: made, store, clock or FixedClock(NOW), "0580")
