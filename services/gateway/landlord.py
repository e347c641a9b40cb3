"""The landlord's pages: report a flat or a list with coded facts, and see that it was received and closed, nothing else.

Source: sharing-matrix 2.1. What became of a report says something about the tenant, so it is not shown.
"""

from typing import Annotated

from fastapi import APIRouter, File, Form, Request, Response, UploadFile
from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as pb

from services.gateway import files
from services.gateway.door import Door, Who
from services.gateway.forms import Filled, Sent, all_needed, asked
from services.gateway.web import page
from services.gateway.words import choices
from services.kernel.callers import Role
from services.kernel.errors import Conflict, ConflictReason, Invalid, Unavailable
from services.kernel.reference import reference

ROWS = 50
LANDLORD = frozenset({Role.LANDLORD_REPORTER})
TEXTS = (
    "landlord_org_number",
    "property_designation",
    "street_address",
    "postal_code",
    "city",
    "apartment_number",
    "landlord_unit_number",
    "contract_holder_name",
    "contract_holder_id_number",
    "observed_from",
    "observed_to",
    "source_kind",
)
DECLARATION = "declared"
UNDECLARED = "Kryssa i försäkran innan du skickar."
LIST_UNDECLARED = f"{UNDECLARED} Välj filen igen."
NEEDED = {
    "property_designation": "Skriv fastighetsbeteckningen.",
    "street_address": "Skriv gatuadressen.",
    "postal_code": "Skriv postnumret.",
    "city": "Skriv orten.",
    "observation_types": "Kryssa för vad ni har sett.",
    "observed_from": "Skriv första dagen.",
    "source_kind": "Välj vem som har sett det.",
    "landlord_org_number": "Skriv organisationsnumret.",
    DECLARATION: UNDECLARED,
}


def routes(door: Door) -> APIRouter:
    """The pages of reports."""
    router, pages = APIRouter(), _Pages(door)
    router.add_api_route("/anmalan", pages.form, methods=["GET"])
    router.add_api_route("/anmalan", pages.report, methods=["POST"])
    router.add_api_route("/anmalan/lista", pages.list_form, methods=["GET"])
    router.add_api_route("/anmalan/lista", pages.list_sent, methods=["POST"])
    return router


class _Pages:
    def __init__(self, door: Door) -> None:
        self._door = door

    def form(self, request: Request) -> Response:
        """An empty report; the organisation is the reporter's own, and its own people have seen it, until that is changed."""
        who = self._door.allowed(request, LANDLORD)
        return _form(request, Sent({"landlord_org_number": [who.caller.organisation or ""], "source_kind": ["staff"]}))

    def report(self, request: Request, form: Filled) -> Response:
        """Register the report; what is wrong is said with all that was filled in still there."""
        who = self._door.allowed(request, LANDLORD, form)
        report = pb.AlertReport(observation_types=form.all("observation_types"))
        for name in TEXTS:
            setattr(report, name, form.text(name))
        report.observed_to = report.observed_to or report.observed_from
        wanted = pb.RegisterAlertRequest(request_id=form.request_id, report=report)
        try:
            all_needed(form, NEEDED)
            asked(lambda: self._door.services(who).registry.RegisterAlert(wanted))
        except (Invalid, Conflict) as problem:
            if problem.reason == ConflictReason.DUPLICATE:
                return page(request, "reported.html", already=True)
            return _form(request, form.wrong(problem))
        return page(request, "reported.html", already=False)

    def list_form(self, request: Request) -> Response:
        """Where a list is sent in."""
        self._door.allowed(request, LANDLORD)
        return page(request, "list.html", said=Sent())

    def list_sent(
        self,
        request: Request,
        csrf: Annotated[str, Form()],
        file: Annotated[UploadFile, File()],
        declared: Annotated[str, Form()] = "",
        tried: Annotated[str, Form()] = "",
    ) -> Response:
        """Every row gets an answer; a file that cannot be read as a whole gets one sentence. Only tried, a list needs no declaration."""
        who = self._door.allowed(request, LANDLORD)
        self._door.require_form(who, csrf)
        if not declared and not tried:
            return page(request, "list.html", 400, said=Sent({}, DECLARATION, LIST_UNDECLARED))
        try:
            found = files.read(self._door.services(who), files.ALERTS, file, dry_run=bool(tried))
        except (Invalid, Unavailable) as problem:
            return page(request, "list.html", 400, said=Sent({DECLARATION: [declared]}, "file", problem.message))
        back = "/anmalan/lista" if tried else "/"
        return page(request, "list_read.html", found=found, tried=bool(tried), back=back, word="mottagna")


def reports(door: Door, request: Request, who: Who) -> Response:
    """The landlord's start page: what was sent, the latest first, a page at a time."""
    after = request.query_params.get("efter", "")
    found = door.services(who).registry.ListAlerts(pb.ListAlertsRequest(page=common_pb2.Page(page_size=ROWS, page_token=after)))
    received = pb.ALERT_STATE_SUBMITTED
    return page(
        request,
        "landlord.html",
        rows=[(row.registered_time, "Mottagen" if row.state == received else "Avslutad hos kommunen") for row in found.alerts],
        begun=bool(after),
        after=found.next_page_token,
    )


def _form(request: Request, said: Sent) -> Response:
    known = reference()
    return page(
        request,
        "report.html",
        said.status,
        said=said,
        observations=choices(each for each in known.observations if not each.weak),
        sources=choices(known.sources),
    )
