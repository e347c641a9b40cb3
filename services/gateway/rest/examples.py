"""The examples of the document, of nobody: the number is one of Skatteverket's published test numbers."""

from google.protobuf.timestamp_pb2 import Timestamp
from los.controls.v1 import controls_pb2 as controls
from los.registry.v1 import registry_pb2 as registry

ID = "019ac2f0-5b7e-7c3a-9d55-0f6f0a4c1e21"
ETAG = "1"
MOMENT = Timestamp(seconds=1764062400)
REPORT = registry.AlertReport(
    landlord_org_number="559999-0180",
    source_kind="dokument",
    property_designation="LINKÖPING EXEMPLET 1:1",
    street_address="Exempelgatan 1",
    postal_code="582 22",
    city="Linköping",
    apartment_number="1201",
    contract_holder_name="Demo Person",
    contract_holder_id_number="198810162399",
    observed_from="2026-09-24",
    observed_to="2026-10-06",
    observation_types=["hyresgästen bor inte där"],
)
FLAG = registry.PaymentFlag(
    case_number="IAF-2026-1",
    owner_unit="IAF",
    payment_scheme="ekonomiskt bistånd",
    recipient_id_number="198810162399",
    causes=["fel boendekostnad"],
    period_from="2026-02",
    period_to="2026-09",
    suspected_amount_sek="12500",
    impulse_source="hyresvärd",
    other_benefit="bostadsbidrag",
    deciding_body="Försäkringskassan",
)
PLACE = controls.ControlObject(
    org_number="559999-0008",
    company_name="Demo Bilvård AB",
    object_type="bilverkstad",
    sni_code="95311",
    street_address="Exempelgatan 1",
    postal_code="582 22",
    city="Linköping",
    district="Tornby",
)
ALERT = registry.RegisterAlertRequest(report=REPORT)
ALERT_MADE = registry.RegisterAlertResponse(alert_id=ID, state=registry.ALERT_STATE_SCREENED, etag=ETAG)
ALERTS = registry.ListAlertsResponse(
    alerts=[registry.AlertRow(alert_id=ID, state=registry.ALERT_STATE_SCREENED, etag=ETAG, registered_time=MOMENT)], next_page_token=ID
)
ALERT_READ = registry.GetAlertResponse(
    alert_id=ID, state=registry.ALERT_STATE_SCREENED, etag=ETAG, unit="KLF", report=REPORT, registered_time=MOMENT
)
ALERT_WITHDRAWN = registry.WithdrawAlertResponse(alert_id=ID, state=registry.ALERT_STATE_WITHDRAWN, etag="2")
PAYMENT = registry.RegisterSuspectedPaymentRequest(flag=FLAG)
PAYMENT_MADE = registry.RegisterSuspectedPaymentResponse(payment_id=ID, state=registry.PAYMENT_STATE_FLAGGED, etag=ETAG)
PAYMENTS = registry.ListSuspectedPaymentsResponse(
    payments=[registry.PaymentRow(payment_id=ID, state=registry.PAYMENT_STATE_FLAGGED, etag=ETAG, registered_time=MOMENT)]
)
PAYMENT_READ = registry.GetSuspectedPaymentResponse(
    payment_id=ID, state=registry.PAYMENT_STATE_FLAGGED, etag=ETAG, unit="IAF", flag=FLAG, registered_time=MOMENT
)
OBJECT = controls.RegisterObjectRequest(object=PLACE)
OBJECT_MADE = controls.RegisterObjectResponse(object_id=ID)
OBJECTS = controls.ListObjectsResponse(objects=[controls.ObjectRow(object_id=ID, object=PLACE)])
OBJECT_READ = controls.GetObjectResponse(object_id=ID, object=PLACE, etag=ETAG)
OBJECT_CHANGED = controls.UpdateObjectRequest(object=PLACE)
OBJECT_UPDATED = controls.UpdateObjectResponse(etag="2")
OPERATIONS = controls.ListOperationsResponse(
    operations=[
        controls.OperationRow(
            operation_id=ID,
            label="LOS-2026-07",
            state=controls.OPERATION_STATE_PLANNED,
            etag=ETAG,
            window_start="2026-12-01",
            window_end="2026-12-01",
        )
    ]
)
OPERATION_READ = controls.GetOperationResponse(
    operation_id=ID, label="LOS-2026-07", state=controls.OPERATION_STATE_PLANNED, etag=ETAG, unit="KLF", planned_start=MOMENT
)
