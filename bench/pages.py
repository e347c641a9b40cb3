"""`pages`: how long the server takes for every page, beside the page that asks for nothing, with so many records in the database.

The whole stack, what the demo leaves, and the rest filled in (filling_pages.py). Each page is asked for by somebody who may, each time
about another record where there are many; between two of them the page about accessibility, which is the limit: a session, a frame and
no service.
"""

import random
import secrets as chance
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import httpx2
import psycopg
from los.controls.v1 import controls_pb2
from los.registry.v1 import registry_pb2

from bench.filling_pages import fill_all
from cli.client import Stack as Client
from cli.common import say
from cli.demo import SAMPLES, partners, walk_through
from infra import stack
from services.gateway.door import SESSION_COOKIE
from services.gateway.rest.examples_shared import CHECKED
from services.gateway.store import hashed

SIZE = 1_000_000
CALLS = 100
WARM = 5
LIMIT_MS = 100
BARE = "/tillganglighet"
SHOWN = frozenset({200, 409})
"""409: a step that the case is not ready for, which its page says."""
OFFICER, INVESTIGATOR, MANAGER, LANDLORD = "klf-handlaggare-1", "iaf-utredare-1", "iaf-chef-1", "hyresvard-1"
COORDINATOR, INSPECTOR, INVITED = "mos-samordnare-1", "mos-inspektor-1", "sf-inspektor-1"
JURIST, SECURITY, ANALYST, BUYER = "klf-jurist-1", "klf-sakerhetschef-1", "klf-analytiker-1", "vss-handlaggare-1"
REGISTRAR = "iaf-registrator-1"
INVESTIGATORS = ("andra", "bedomning", "utredning", "kommunicering", "betalning", "rattelse", "avslut", "aterta")
MANAGERS = ("polisanmalan", "beslut", "aterkrav")
OFFICERS = ("andra", "bedomning", "komplettering", "avslut", "aterta")
WORK = ("tid", "nya", "mina")
VISIT = "/insatser/{operation_id}/besok/{visit_id}"
QUESTION = "record_kind=suspected_payment&sender_kinds=kommun-namnd&receiver=forsakringskassan&on=2026-05-01"
PAGES: Sequence[tuple[str, str, str]] = (
    (LANDLORD, "/", ""),
    (OFFICER, "/", ""),
    (INVESTIGATOR, "/", ""),
    (COORDINATOR, "/", ""),
    (INSPECTOR, "/", ""),
    (INVESTIGATOR, "/register", ""),
    (LANDLORD, "/anmalan", ""),
    (LANDLORD, "/anmalan/lista", ""),
    (INVESTIGATOR, "/utbetalningar/ny", ""),
    (INVESTIGATOR, "/utbetalningar/{payment_id}", ""),
    *((INVESTIGATOR, f"/utbetalningar/{{payment_id}}/{step}", "") for step in INVESTIGATORS),
    *((MANAGER, f"/utbetalningar/{{payment_id}}/{step}", "") for step in MANAGERS),
    (OFFICER, "/folkbokforing/{alert_id}", ""),
    *((OFFICER, f"/folkbokforing/{{alert_id}}/{step}", "") for step in OFFICERS),
    *((OFFICER, f"/arbete/folkbokforing/{work}", "") for work in WORK),
    *((INVESTIGATOR, f"/arbete/utbetalningar/{work}", "") for work in WORK),
    (BUYER, "/leverantorer", ""),
    (BUYER, "/leverantorer/ny", ""),
    (BUYER, "/leverantorer/{check_id}", ""),
    (LANDLORD, "/filer", ""),
    (OFFICER, "/fortsatt", ""),
    (INVESTIGATOR, "/erbjudanden/{offer_id}", ""),
    (INVESTIGATOR, "/utlamnanden/{disclosure_id}", ""),
    (COORDINATOR, "/tips", ""),
    (COORDINATOR, "/tips/nytt", ""),
    (COORDINATOR, "/tips/{tip_id}", ""),
    (COORDINATOR, "/efterarbete", ""),
    (COORDINATOR, "/kalender", ""),
    (COORDINATOR, "/kalender/vecka", ""),
    (COORDINATOR, "/insatser/ny", ""),
    (COORDINATOR, "/insatser/{operation_id}", ""),
    (COORDINATOR, "/insatser/{operation_id}/plan", ""),
    (COORDINATOR, "/insatser/{operation_id}/stopp", ""),
    (COORDINATOR, "/insatser/{operation_id}/kalender", ""),
    (COORDINATOR, "/insatser/{planned_id}/objekt", ""),
    (COORDINATOR, "/insatser/{planned_id}/objekt", "stadsdel=Distrikt 7"),
    (COORDINATOR, "/insatser/{planned_id}/objekt", "tips=1"),
    (COORDINATOR, "/insatser/{planned_id}/karta", ""),
    (COORDINATOR, "/insatser/{operation_id}/rutt", ""),
    (INVITED, "/inbjudningar/{invited_id}", ""),
    (INSPECTOR, "/insatser/{operation_id}/dag", ""),
    (INSPECTOR, VISIT, ""),
    (INSPECTOR, f"{VISIT}/iakttagelse/{{checklist}}/{{number}}", ""),
    (INSPECTOR, f"{VISIT}/atgard", ""),
    (JURIST, "/juridik", ""),
    (JURIST, "/juridik/grunder/{ground_id}", ""),
    (JURIST, "/juridik/far-vi", QUESTION),
    (JURIST, "/juridik/beslut", ""),
    (JURIST, "/juridik/beslut/{name}", ""),
    (REGISTRAR, "/gallring", ""),
    (REGISTRAR, "/gallring/undantag", ""),
    (REGISTRAR, "/registerutdrag", ""),
    (SECURITY, "/tillsyn/fragor", ""),
    (SECURITY, "/tillsyn/roller", ""),
    (SECURITY, "/tillsyn/utlamnanden", ""),
    (SECURITY, "/tillsyn/utlamnanden", "nekade=1"),
    (ANALYST, "/statistik", ""),
)
# Not here: the way in and out, which is the provider's time; files, which are made once for whoever asks; a file that was just read in;
# a measure, which is asked for as its visit is; one thing that is kept from gallring, a row of its list.
NOT_HERE = frozenset({
    "/static/{path}",
    BARE,
    "/logga-in",
    "/logga-in/svar",
    "/utloggad",
    "/insatser/{operation_id}/rapport.{kind}",
    "/statistik/{period}.{kind}",
    "/filer/{import_id}/angra",
    "/insatser/{operation_id}/besok/{visit_id}/atgarder/{measure_id}",
    "/gallring/undantag/{disclosure_id}",
})  # fmt: skip
WORDS = {"checklist": "mos-bygglov", "number": "1", "ground_id": "underrattelselagen-2026", "name": "pay-kfm-15a"}


class Page(NamedTuple):
    """The 95th percentile of a page and of the bare one in milliseconds, and how much was sent in kB."""

    name: str
    p95_ms: float
    bare_ms: float
    ratio: float
    size_kb: float


def run(size: int = SIZE, calls: int = CALLS) -> list[Page]:
    """Fill a database, then ask for every page."""
    with tempfile.TemporaryDirectory(prefix="los-bench-") as name:
        folder = Path(name) / "data"
        with stack.start(folder, say) as running, partners(running.folder):
            walk_through(folder, SAMPLES)
            return measured(running, size, calls)


def measured(running: stack.Stack, size: int, calls: int) -> list[Page]:
    """Every page of a stack that runs, with so many records more."""
    known = _filled(running, size)
    with ExitStack() as opened:
        clients = {person: opened.enter_context(_signed_in(running, person)) for person, _, _ in PAGES}
        return [_measured(clients[person], person, path, query, known, calls) for person, path, query in PAGES]


def _filled(running: stack.Stack, size: int) -> dict[str, list[str]]:
    """The ids that addresses name; several where there are many to choose among."""
    client, began = Client(running.folder.root), time.monotonic()
    with client.speaking_for(client.person(COORDINATOR)) as coordinator:
        known = fill_all(running, coordinator, size)
        say(f"{size} ärenden inlagda på {time.monotonic() - began:.0f} s")
        (operation_id,) = known["operation_id"]
        visits = coordinator.controls.GetOperation(controls_pb2.GetOperationRequest(operation_id=operation_id)).visits
    with client.speaking_for(client.person(BUYER)) as buyer:
        wanted = registry_pb2.RegisterSupplierCheckRequest(request_id=str(uuid4()), check=CHECKED)
        check_id = buyer.registry.RegisterSupplierCheck(wanted).check_id
    return known | {
        "check_id": [check_id],
        "visit_id": [visit.visit_id for visit in visits],
        "offer_id": known["alert_id"][:1],
        **{name: [word] for name, word in WORDS.items()},
    }


@contextmanager
def _signed_in(running: stack.Stack, person: str) -> Iterator[httpx2.Client]:
    """A browser with a session."""
    token = chance.token_urlsafe(32)
    with psycopg.connect(running.postgres.url()) as tables:
        tables.execute(
            "INSERT INTO gateway.session (token, person, csrf, created_time, seen_time) VALUES (%s, %s, 'x', now(), now())",
            (hashed(token), person),
        )
    with httpx2.Client(base_url=running.services["gateway"].url, headers={"cookie": f"{SESSION_COOKIE}={token}"}, timeout=60) as client:
        yield client


def _measured(client: httpx2.Client, person: str, path: str, query: str, known: Mapping[str, Sequence[str]], calls: int) -> Page:
    times: dict[str, list[float]] = {"page": [], "bare": []}
    size, warm, choose = 0, min(WARM, calls), random.Random(path)  # noqa: S311
    for number in range(warm + calls):
        address = path.format_map({name: choose.choice(ids) for name, ids in known.items() if ids})
        for which, asked in (("page", f"{address}?{query}" if query else address), ("bare", BARE)):
            began = time.perf_counter()
            answer = client.get(asked)
            if number >= warm:
                times[which].append((time.perf_counter() - began) * 1000)
            if answer.status_code not in SHOWN:
                raise RuntimeError(f"{person} {path}: {answer.status_code}")
            size = len(answer.content) if which == "page" else size
    page, bare = (sorted(each)[max(0, int(calls * 0.95) - 1)] for each in times.values())
    found = Page(
        f"{path}{f'?{query}' if query else ''} ({person})", round(page, 1), round(bare, 1), round(page / bare, 2), round(size / 1000, 1)
    )
    say(f"{found.name}: {found.p95_ms} ms, {found.size_kb} kB")
    return found
