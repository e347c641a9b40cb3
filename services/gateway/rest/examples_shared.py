"""The examples of what is linked, read in, followed up, told and counted; of nobody, as the others."""

from los.common.v1 import common_pb2 as common
from los.controls.v1 import controls_pb2 as controls
from los.controls.v1 import findings_pb2 as findings
from los.controls.v1 import tips_pb2 as tips
from los.registry.v1 import registry_pb2 as registry
from los.sharing.v1 import sharing_pb2 as sharing

from services.gateway.rest.examples import ETAG, ID, MOMENT, PLACE

PAYMENT_WITHDRAWN = registry.WithdrawSuspectedPaymentResponse(payment_id=ID, state=registry.PAYMENT_STATE_WITHDRAWN, etag="2")
LINKS = registry.ListLinksResponse(
    links=[registry.RecordLink(record_kind="suspected_payment", record_id=ID, explanation="Samma person.")], next_page_token=ID
)
IMPORTS = registry.ListImportsResponse(
    imports=[
        common.ImportRow(import_id=ID, record_kind="folkbokforing_alert", imported_by="klf-handlaggare-1", imported_time=MOMENT, count=12)
    ]
)
IMPORT_UNDONE = registry.UndoImportResponse(count=12)
OBJECT_IMPORTS = controls.ListImportsResponse(
    imports=[common.ImportRow(import_id=ID, record_kind="control_object", imported_by="klf-samordnare-1", imported_time=MOMENT, count=12)]
)
OBJECT_IMPORT_UNDONE = controls.UndoImportResponse(count=12)
CHECKED = registry.SupplierCheck(
    org_number="559999-0008",
    checked_date="2026-10-01",
    phase=registry.SUPPLIER_PHASE_BEFORE,
    f_tax=True,
    beneficial_owner_checked=True,
    result=registry.SUPPLIER_RESULT_OK,
    next_check_date="2027-10-01",
)
CHECK = registry.RegisterSupplierCheckRequest(check=CHECKED)
CHECK_MADE = registry.RegisterSupplierCheckResponse(check_id=ID)
CHECKS = registry.ListSupplierChecksResponse(
    checks=[
        registry.SupplierCheckRow(check_id=ID, result=registry.SUPPLIER_RESULT_OK, next_check_date="2027-10-01", registered_time=MOMENT)
    ]
)
CHECK_READ = registry.GetSupplierCheckResponse(check_id=ID, unit="IAF", check=CHECKED, registered_time=MOMENT)
SEEN = tips.Tip(
    tip_id=ID,
    state=tips.TIP_STATE_RECEIVED,
    etag=ETAG,
    registering_unit="KLF",
    source_type="own_inspector",
    received_time=MOMENT,
    suspicion_types=["illegal_lodging"],
    summary="Sängar i lagret.",
    object_id=ID,
)
TIP = tips.RegisterTipRequest(
    source_type="own_inspector",
    received_time=MOMENT,
    suspicion_types=["illegal_lodging"],
    summary="Sängar i lagret.",
    place=tips.TipPlace(
        object_type="bilverkstad", street_address="Exempelgatan 1", postal_code="582 22", city="Linköping", district="Tornby"
    ),
)
TIP_MADE = tips.RegisterTipResponse(tip_id=ID, object_id=ID, state=tips.TIP_STATE_RECEIVED)
TIPS = tips.ListTipsResponse(tips=[SEEN], next_page_token=ID)
TIP_READ = tips.GetTipResponse(tip=SEEN)
CANDIDATES = controls.ListCandidatesResponse(
    candidates=[
        controls.CandidateRow(
            object_id=ID,
            object=PLACE,
            points=3,
            reasons=[controls.PointsReason(points=3, word="tips från myndighet eller egen inspektör")],
            tips=1,
            tip_kinds=[controls.CountedTips(suspicion_type="illegal_lodging", count=1)],
        )
    ]
)
FOLLOW_UPS = findings.ListAfterWorkResponse(
    operations=[
        findings.OperationAfterWork(
            operation_id=ID, label="LOS-2026-07", authorities=[findings.AuthorityAfterWork(authority="MOS", measures_open=1)]
        )
    ]
)
OFFERS = sharing.ListOffersResponse(
    offers=[
        sharing.OfferRow(
            offer_id=ID,
            record_kind="folkbokforing_alert",
            record_id=ID,
            revision=1,
            receiver_kind="skatteverket-folkbokforing",
            state=sharing.OFFER_STATE_WAITING,
            offered_time=MOMENT,
            ground_id="fol-32c-2021",
            decision_by="officer+second",
            message="Ni ska underrätta Skatteverket.",
            kind="duty",
        )
    ]
)
TOLD = sharing.DisclosureRow(
    disclosure_id=ID,
    record_kind="folkbokforing_alert",
    record_id=ID,
    receiver_kind="skatteverket-folkbokforing",
    agency="skatteverket",
    ground_id="fol-32c-2021",
    fields=["subject.personal_identity_number", "dwelling.street_address"],
    state=sharing.DISCLOSURE_STATE_RECEIVED,
    decided_time=MOMENT,
    decided_by="klf-handlaggare-1",
    approved_by="klf-beslutare-1",
)
DISCLOSURES = sharing.ListDisclosuresResponse(disclosures=[TOLD], next_page_token=ID)
DISCLOSURE_READ = sharing.GetDisclosureResponse(
    disclosure=TOLD,
    payload=b'{"aud":"skatteverket-folkbokforing"}',
    events=[
        sharing.DisclosureEvent(occurred_time=MOMENT, status="decided", person="klf-handlaggare-1"),
        sharing.DisclosureEvent(occurred_time=MOMENT, status="received"),
    ],
)
NOTICE = sharing.InboundRow(
    inbound_id=ID,
    type="se.los.notice.v1",
    agency="forsakringskassan",
    receiver_kind="forsakringskassan",
    scheme="ekonomiskt_bistand",
    ground_id="underrattelselagen-2026",
    state=sharing.INBOUND_STATE_NEW,
    received_time=MOMENT,
)
NOTICES = sharing.ListInboundResponse(inbound=[NOTICE], next_page_token=ID)
NOTICE_READ = sharing.GetInboundResponse(
    inbound=NOTICE, content=sharing.InboundContent(personal_identity_number="198810162399", period_from="2026-01", period_to="2026-06")
)
GROUND = sharing.Ground(
    ground_id="fol-32c-2021",
    title="Underrättelse om fel i folkbokföringen",
    citation="32 c § folkbokföringslagen",
    kind="duty",
    effective_from="2021-06-18",
    record_kinds=["folkbokforing_alert"],
    receivers=["skatteverket-folkbokforing"],
    switch="on",
)
GROUNDS = sharing.ListGroundsResponse(grounds=[GROUND])
GROUND_READ = sharing.GetGroundResponse(ground=GROUND, initiative="own_initiative", fields_allowed=["dwelling.street_address"], versions=[])
REGISTER = sharing.ListRegisterResponse(
    entries=[
        sharing.RegisterEntry(
            flow="alert-skv",
            name="Fel i folkbokföringen till Skatteverket",
            power=["32 c § folkbokföringslagen"],
            senders=["kommunal nämnd"],
            receivers=["Skatteverket"],
        )
    ]
)
COUNTED = common.Statistics(
    period="2026-Q3",
    closed_time=MOMENT,
    tables=[
        common.StatisticsTable(
            name="cases",
            heading="Ärenden",
            rows=[
                common.StatisticsRow(breakdown="kind", code="folkbokforing_alert", word="Fel i folkbokföringen", unit="count", value="12")
            ],
        )
    ],
)
REGISTRY_FIGURES = registry.GetStatisticsResponse(statistics=COUNTED)
CONTROL_FIGURES = controls.GetStatisticsResponse(statistics=COUNTED)
SHARING_FIGURES = sharing.GetStatisticsResponse(statistics=COUNTED)
