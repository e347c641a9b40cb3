"""Everything that a system can ask for: one row each, from which routes, checks and the document come. Why the rest is not: not_here.py."""

from google.protobuf.descriptor import MethodDescriptor

from services.gateway.rest import examples, examples_shared
from services.gateway.rest.operations import CONTROLS, REGISTRY, SHARING, Operation
from services.kernel.callers import Role

REPORTERS = frozenset({Role.LANDLORD_REPORTER, Role.ALERT_OFFICER, Role.FUT_INVESTIGATOR})
PAYMENT_READERS = frozenset({Role.FUT_INVESTIGATOR, Role.APPROVER, Role.FUT_MANAGER})
COORDINATORS = frozenset({Role.LOS_COORDINATOR})
OPERATION_READERS = COORDINATORS | {Role.INSPECTOR}
TIPSTERS = OPERATION_READERS | {Role.SECURITY_COORDINATOR}
BUYERS = frozenset({Role.CASE_OFFICER})
LINK_READERS = frozenset({Role.ALERT_OFFICER, Role.FUT_INVESTIGATOR, Role.APPROVER, Role.FUT_MANAGER, Role.CASE_OFFICER})
OFFICERS = frozenset({Role.ALERT_OFFICER, *PAYMENT_READERS, *OPERATION_READERS})
LAWYERS = OFFICERS | {Role.JURIST}
INBOX_READERS = frozenset({Role.FUT_INVESTIGATOR, Role.FUT_MANAGER})
ANALYSTS = frozenset({Role.SECURITY_CHIEF, Role.ANALYST})
PERIOD = "^20[0-9]{2}(-Q[1-4])?$"
GROUND = "^[a-z0-9-]{1,60}$"


def _of_registry(name: str) -> MethodDescriptor:
    return REGISTRY.methods_by_name[name]


def _of_controls(name: str) -> MethodDescriptor:
    return CONTROLS.methods_by_name[name]


def _of_sharing(name: str) -> MethodDescriptor:
    return SHARING.methods_by_name[name]


OPERATIONS = (
    Operation(
        "POST",
        "/alerts",
        _of_registry("RegisterAlert"),
        REPORTERS,
        "Anmäl att de som bor i en lägenhet inte är de som är folkbokförda där",
        asked=examples.ALERT,
        told=examples.ALERT_MADE,
    ),
    Operation("GET", "/alerts", _of_registry("ListAlerts"), REPORTERS | {Role.APPROVER}, "Lista anmälningar", told=examples.ALERTS),
    Operation(
        "GET",
        "/alerts/{id}",
        _of_registry("GetAlert"),
        REPORTERS | {Role.APPROVER},
        "Hämta en anmälan",
        id_field="alert_id",
        told=examples.ALERT_READ,
    ),
    Operation(
        "POST",
        "/alerts/{id}/withdrawals",
        _of_registry("WithdrawAlert"),
        REPORTERS,
        "Ta tillbaka en anmälan",
        id_field="alert_id",
        told=examples.ALERT_WITHDRAWN,
    ),
    Operation(
        "POST",
        "/suspected-payments",
        _of_registry("RegisterSuspectedPayment"),
        frozenset({Role.CASE_OFFICER, Role.FUT_INVESTIGATOR}),
        "Flagga en misstänkt felaktig utbetalning",
        asked=examples.PAYMENT,
        told=examples.PAYMENT_MADE,
    ),
    Operation(
        "GET",
        "/suspected-payments",
        _of_registry("ListSuspectedPayments"),
        PAYMENT_READERS,
        "Lista misstänkta felaktiga utbetalningar",
        told=examples.PAYMENTS,
    ),
    Operation(
        "GET",
        "/suspected-payments/{id}",
        _of_registry("GetSuspectedPayment"),
        PAYMENT_READERS,
        "Hämta en misstänkt felaktig utbetalning",
        id_field="payment_id",
        told=examples.PAYMENT_READ,
    ),
    Operation(
        "POST",
        "/control-objects",
        _of_controls("RegisterObject"),
        COORDINATORS,
        "Registrera ett kontrollobjekt",
        asked=examples.OBJECT,
        told=examples.OBJECT_MADE,
    ),
    Operation("GET", "/control-objects", _of_controls("ListObjects"), COORDINATORS, "Lista kontrollobjekt", told=examples.OBJECTS),
    Operation(
        "GET",
        "/control-objects/{id}",
        _of_controls("GetObject"),
        COORDINATORS,
        "Hämta ett kontrollobjekt",
        id_field="object_id",
        told=examples.OBJECT_READ,
    ),
    Operation(
        "PUT",
        "/control-objects/{id}",
        _of_controls("UpdateObject"),
        COORDINATORS,
        "Ändra ett kontrollobjekt",
        id_field="object_id",
        asked=examples.OBJECT_CHANGED,
        told=examples.OBJECT_UPDATED,
    ),
    Operation("GET", "/operations", _of_controls("ListOperations"), OPERATION_READERS, "Lista kontroller", told=examples.OPERATIONS),
    Operation(
        "GET",
        "/operations/{id}",
        _of_controls("GetOperation"),
        OPERATION_READERS,
        "Hämta en kontroll",
        id_field="operation_id",
        told=examples.OPERATION_READ,
    ),
    Operation(
        "POST",
        "/suspected-payments/{id}/withdrawals",
        _of_registry("WithdrawSuspectedPayment"),
        frozenset({Role.FUT_INVESTIGATOR}),
        "Ta tillbaka en flaggad utbetalning",
        id_field="payment_id",
        told=examples_shared.PAYMENT_WITHDRAWN,
    ),
    Operation(
        "GET",
        "/alerts/{id}/links",
        _of_registry("ListLinks"),
        LINK_READERS,
        "Lista andra ärenden om samma som en anmälan",
        id_field="record_id",
        fixed={"record_kind": "folkbokforing_alert"},
        name="ListAlertLinks",
        told=examples_shared.LINKS,
    ),
    Operation(
        "GET",
        "/suspected-payments/{id}/links",
        _of_registry("ListLinks"),
        LINK_READERS,
        "Lista andra ärenden om samma som en flaggad utbetalning",
        id_field="record_id",
        fixed={"record_kind": "suspected_payment"},
        name="ListPaymentLinks",
        told=examples_shared.LINKS,
    ),
    Operation("GET", "/imports", _of_registry("ListImports"), REPORTERS, "Lista inlästa filer", told=examples_shared.IMPORTS),
    Operation(
        "POST",
        "/imports/{id}/withdrawals",
        _of_registry("UndoImport"),
        REPORTERS,
        "Ta tillbaka en hel inläsning, medan inget av den har handlagts",
        id_field="import_id",
        told=examples_shared.IMPORT_UNDONE,
    ),
    Operation(
        "GET",
        "/object-imports",
        _of_controls("ListImports"),
        COORDINATORS,
        "Lista inlästa filer med kontrollobjekt",
        name="ListObjectImports",
        told=examples_shared.OBJECT_IMPORTS,
    ),
    Operation(
        "POST",
        "/object-imports/{id}/withdrawals",
        _of_controls("UndoImport"),
        COORDINATORS,
        "Ta tillbaka en hel inläsning av kontrollobjekt",
        id_field="import_id",
        name="UndoObjectImport",
        told=examples_shared.OBJECT_IMPORT_UNDONE,
    ),
    Operation(
        "POST",
        "/supplier-checks",
        _of_registry("RegisterSupplierCheck"),
        BUYERS,
        "Registrera en kontroll av en leverantör",
        asked=examples_shared.CHECK,
        told=examples_shared.CHECK_MADE,
    ),
    Operation(
        "GET",
        "/supplier-checks",
        _of_registry("ListSupplierChecks"),
        BUYERS,
        "Lista kontroller av leverantörer",
        told=examples_shared.CHECKS,
    ),
    Operation(
        "GET",
        "/supplier-checks/{id}",
        _of_registry("GetSupplierCheck"),
        BUYERS,
        "Hämta en kontroll av en leverantör",
        id_field="check_id",
        told=examples_shared.CHECK_READ,
    ),
    Operation(
        "POST",
        "/tips",
        _of_controls("RegisterTip"),
        TIPSTERS,
        "Registrera ett tips om en plats eller en verksamhet",
        asked=examples_shared.TIP,
        told=examples_shared.TIP_MADE,
    ),
    Operation("GET", "/tips", _of_controls("ListTips"), COORDINATORS, "Lista tips", told=examples_shared.TIPS),
    Operation(
        "GET", "/tips/{id}", _of_controls("GetTip"), COORDINATORS, "Hämta ett tips", id_field="tip_id", told=examples_shared.TIP_READ
    ),
    Operation(
        "GET",
        "/candidates",
        _of_controls("ListCandidates"),
        COORDINATORS,
        "Lista kontrollobjekt efter poäng, med skälen i ord",
        told=examples_shared.CANDIDATES,
    ),
    Operation(
        "GET",
        "/follow-ups",
        _of_controls("ListAfterWork"),
        COORDINATORS,
        "Lista vad som är kvar efter kontrollerna, myndighet för myndighet",
        told=examples_shared.FOLLOW_UPS,
    ),
    Operation("GET", "/offers", _of_sharing("ListOffers"), OFFICERS, "Lista det som väntar på beslut", told=examples_shared.OFFERS),
    Operation(
        "GET",
        "/disclosures",
        _of_sharing("ListDisclosures"),
        OFFICERS,
        "Lista utlämnanden, med uppgifter som är kvar att göra",
        told=examples_shared.DISCLOSURES,
    ),
    Operation(
        "GET",
        "/disclosures/{id}",
        _of_sharing("GetDisclosure"),
        OFFICERS,
        "Hämta ett utlämnande med kvittens och vad mottagaren har svarat",
        id_field="disclosure_id",
        told=examples_shared.DISCLOSURE_READ,
    ),
    Operation(
        "GET",
        "/inbound-notices",
        _of_sharing("ListInbound"),
        INBOX_READERS,
        "Lista underrättelser från myndigheter",
        told=examples_shared.NOTICES,
    ),
    Operation(
        "GET",
        "/inbound-notices/{id}",
        _of_sharing("GetInbound"),
        INBOX_READERS,
        "Hämta en underrättelse från en myndighet",
        id_field="inbound_id",
        told=examples_shared.NOTICE_READ,
    ),
    Operation("GET", "/grounds", _of_sharing("ListGrounds"), LAWYERS, "Hämta alla rättsliga grunder", told=examples_shared.GROUNDS),
    Operation(
        "GET",
        "/grounds/{id}",
        _of_sharing("GetGround"),
        LAWYERS,
        "Hämta en rättslig grund i en lydelse",
        id_field="ground_id",
        id_pattern=GROUND,
        told=examples_shared.GROUND_READ,
    ),
    Operation(
        "GET",
        "/sharing-agreements",
        _of_sharing("ListRegister"),
        frozenset(),
        "Hämta det öppna registret över informationsdelning",
        is_public=True,
        told=examples_shared.REGISTER,
    ),
    Operation(
        "GET",
        "/registry-statistics/{id}",
        _of_registry("GetStatistics"),
        ANALYSTS,
        "Hämta det som är publicerat om ärenden, för ett kvartal eller ett år",
        id_field="period.name",
        id_pattern=PERIOD,
        name="GetRegistryStatistics",
        may_wait=True,
        told=examples_shared.REGISTRY_FIGURES,
    ),
    Operation(
        "GET",
        "/control-statistics/{id}",
        _of_controls("GetStatistics"),
        ANALYSTS | COORDINATORS,
        "Hämta det som är publicerat om kontroller, för ett kvartal eller ett år",
        id_field="period.name",
        id_pattern=PERIOD,
        name="GetControlStatistics",
        may_wait=True,
        told=examples_shared.CONTROL_FIGURES,
    ),
    Operation(
        "GET",
        "/sharing-statistics/{id}",
        _of_sharing("GetStatistics"),
        ANALYSTS,
        "Hämta det som är publicerat om utlämnanden, för ett kvartal eller ett år",
        id_field="period.name",
        id_pattern=PERIOD,
        name="GetSharingStatistics",
        may_wait=True,
        told=examples_shared.SHARING_FIGURES,
    ),
)
