"""The words that a person reads for codes of operations, visits, tips and measures."""

from collections.abc import Iterable, Mapping, Sequence

from los.common.v1 import common_pb2 as common
from los.controls.v1 import controls_pb2 as pb
from los.controls.v1 import findings_pb2 as findings
from los.controls.v1 import tips_pb2 as tips

from services.gateway.words import Choice, choices, word
from services.kernel.reference import reference

INVITATION = "control_invitation"
FINDING = "control_finding"
SUPERVISION = "kommun-tillsynsnamnd"
OPERATIONS: Mapping[int, str] = {
    pb.OPERATION_STATE_DRAFT: "Utkast. Lägg till objekt och bjud in. När minst två kan delta är insatsen planerad.",
    pb.OPERATION_STATE_PLANNED: "Planerad. Bekräfta den när de inbjudna har svarat.",
    pb.OPERATION_STATE_CONFIRMED: "Bekräftad. Före dagen går insatsledaren igenom riskerna.",
    pb.OPERATION_STATE_BRIEFED: "Riskerna är genomgångna. Insatsledaren startar dagen.",
    pb.OPERATION_STATE_IN_PROGRESS: "Pågår. Insatsledaren för dagens blad.",
    pb.OPERATION_STATE_COMPLETED: "Genomförd. Nu lämnar var och en sin återrapport.",
    pb.OPERATION_STATE_REPORTED: "Återrapporterad. Varje nämnd bestämmer om någon annan ska få veta om en brist.",
    pb.OPERATION_STATE_FOLLOWED_UP: "Uppföljd. Åtgärderna följs till slutet.",
    pb.OPERATION_STATE_CLOSED: "Avslutad.",
    pb.OPERATION_STATE_POSTPONED: "Uppskjuten. Ange nya tider, så får de inbjudna frågan på nytt.",
    pb.OPERATION_STATE_CANCELLED: "Inställd.",
}
COMING = (
    pb.OPERATION_STATE_DRAFT,
    pb.OPERATION_STATE_PLANNED,
    pb.OPERATION_STATE_CONFIRMED,
    pb.OPERATION_STATE_BRIEFED,
    pb.OPERATION_STATE_IN_PROGRESS,
    pb.OPERATION_STATE_POSTPONED,
)
VISITS: Mapping[int, str] = {
    pb.VISIT_STATE_SCHEDULED: "Inte börjat",
    pb.VISIT_STATE_ON_SITE: "På plats",
    pb.VISIT_STATE_DONE: "Klart",
    pb.VISIT_STATE_MEASURES_PENDING: "Klart, åtgärder följs",
    pb.VISIT_STATE_CLOSED: "Avslutat",
    pb.VISIT_STATE_NOT_OPEN: "Inte öppet",
    pb.VISIT_STATE_ABORTED: "Avbrutet",
}
BEFORE_OR_NEVER = frozenset({*COMING, pb.OPERATION_STATE_CANCELLED})
"""States of an operation whose day has not been."""
TIPS: Mapping[int, str] = {
    tips.TIP_STATE_RECEIVED: "Inkommet. Väntar på bedömning.",
    tips.TIP_STATE_ASSESSED: "Bedömt. Väntar på beslut.",
    tips.TIP_STATE_PRIORITISED: "Prioriterat. Väntar på en insats som tar upp objektet.",
    tips.TIP_STATE_PLANNED_IN: "Inplanerat i en insats.",
    tips.TIP_STATE_REJECTED: "Avvisat.",
    tips.TIP_STATE_PARKED: "Vilande. Kan bedömas igen.",
    tips.TIP_STATE_FORWARDED: "Lämnat till en myndighet.",
}
WAITING_TIPS = (tips.TIP_STATE_RECEIVED, tips.TIP_STATE_ASSESSED, tips.TIP_STATE_PRIORITISED)
RISKS: Mapping[str, tuple[str, pb.RiskLevel.ValueType]] = {
    "low": ("Låg", pb.RISK_LEVEL_LOW),
    "medium": ("Medel", pb.RISK_LEVEL_MEDIUM),
    "high": ("Hög", pb.RISK_LEVEL_HIGH),
}
ANSWERS: Mapping[str, tuple[str, common.InvitationAnswer.ValueType]] = {
    "accepted": ("Ja", common.INVITATION_ANSWER_ACCEPTED),
    "declined": ("Nej", common.INVITATION_ANSWER_DECLINED),
}
PARTS: Mapping[str, tuple[str, common.ParticipationRole.ValueType]] = {
    "on_site": ("På plats, med egen grund", common.PARTICIPATION_ROLE_ON_SITE),
    "planning_only": ("Bara i planeringen", common.PARTICIPATION_ROLE_PLANNING_ONLY),
    "follow_up_only": ("Bara i uppföljningen", common.PARTICIPATION_ROLE_FOLLOW_UP_ONLY),
}
SEVERITIES: Mapping[str, tuple[str, findings.Severity.ValueType]] = {
    "minor": ("Mindre", findings.SEVERITY_MINOR),
    "serious": ("Allvarlig", findings.SEVERITY_SERIOUS),
    "acute": ("Akut", findings.SEVERITY_ACUTE),
}
OUTCOMES: Mapping[int, str] = {
    common.OUTCOME_STATUS_UNSPECIFIED: "Inte skickad",
    common.OUTCOME_STATUS_SENT: "Skickad",
    common.OUTCOME_STATUS_RECEIVED: "Mottagen",
    common.OUTCOME_STATUS_REFUSED: "Avvisad av mottagarens system",
    common.OUTCOME_STATUS_OPENED: "Ärende öppnat",
    common.OUTCOME_STATUS_NO_ACTION: "Ingen åtgärd",
    common.OUTCOME_STATUS_ACTION: "Åtgärd vidtagen",
    common.OUTCOME_STATUS_CLOSED: "Avslutad hos mottagaren",
    common.OUTCOME_STATUS_VOID: "Lämnades aldrig",
    common.OUTCOME_STATUS_CARRIED_OUT: "Lämnad på annat sätt",
    common.OUTCOME_STATUS_CORRECTION_DUE: "Har ändrats, rättelsen är inte bekräftad",
    common.OUTCOME_STATUS_CORRECTED: "Rättad",
    common.OUTCOME_STATUS_RECALL_DUE: "Gäller inte, återkallelse ska lämnas",
    common.OUTCOME_STATUS_RECALLED: "Återkallad",
}
MEASURES: Mapping[int, str] = {
    findings.MEASURE_STATE_INITIATED: "påbörjad",
    findings.MEASURE_STATE_DECIDED: "beslutad",
    findings.MEASURE_STATE_APPEALED: "överklagad",
    findings.MEASURE_STATE_LEGALLY_BINDING: "laga kraft",
    findings.MEASURE_STATE_COMPLIED: "följd",
    findings.MEASURE_STATE_NOT_COMPLIED: "inte följd",
    findings.MEASURE_STATE_CLOSED: "avslutad",
    findings.MEASURE_STATE_WITHDRAWN: "återtagen",
}
SECOND_WAVES: Mapping[int, str] = {
    findings.SECOND_WAVE_NOT_NEEDED: "",
    findings.SECOND_WAVE_UNDECIDED: "Inte bestämt om någon annan ska få veta",
    findings.SECOND_WAVE_OFFERED: "Ligger för beslut, eller har lämnats",
    findings.SECOND_WAVE_NOTHING: "Bestämt: ingen annan får veta",
}
OVERDUE: Mapping[str, str] = {
    "summary": "återrapporten dröjer",
    "measures": "en åtgärd har dragit över tiden",
    "second_wave": "det är inte bestämt om någon annan ska få veta",
}
_STEPS = {
    name.partition("_STATE_")[2].lower(): words[number].partition(".")[0]
    for enum, words in ((pb.OperationState, OPERATIONS), (pb.VisitState, VISITS))
    for name, number in enum.items()
    if number
}


def short(word: str) -> str:
    """The first sentence, for a list."""
    return word.partition(".")[0]


def step(to_state: str) -> str:
    """A step of an operation's or a visit's history."""
    return _STEPS.get(to_state, to_state)


def party(code: str) -> str:
    """Who takes part: a unit of the kommun, or an authority."""
    known = reference()
    if code in known.units:
        return known.units[code].word
    return word(known.receivers, code)


def ground(code: str) -> str:
    """An authority's ground for its own inspection, as it is cited."""
    return word(reference().control_grounds, code)


def supervises(unit: str) -> bool:
    """Whether a unit has supervision, and so grounds of its own."""
    holding = reference().units[unit].holds.get(INVITATION)
    return holding is not None and SUPERVISION in holding.sender_kinds


def invitable(unit: str, already: Sequence[str]) -> list[Choice]:
    """Whom a unit may invite and has not; the services decide."""
    known = reference()
    over_the_bus = (agency.receivers.get(INVITATION) for agency in known.agencies)
    kinds = {kind for kind in over_the_bus if kind} | {row.code for row in known.receivers if row.invited_by_hand}
    kinds |= {row.code for row in known.units if supervises(row.code)}
    found = ((code, f"{party(code)} (kommunen)" if code in known.units else party(code)) for code in kinds - {unit, *already})
    return sorted(found, key=lambda choice: choice[1])


def grounds_of(party_code: str) -> list[Choice]:
    """The grounds that are an authority's, or a supervising unit's, own."""
    kind = SUPERVISION if party_code in reference().units else party_code
    return choices(row for row in reference().control_grounds if row.authority_kind == kind)


def measure_types(lists: Iterable[findings.Checklist]) -> dict[str, str]:
    """The measures that the authorities of these checklists take, with their words."""
    return dict(choice for row in lists for choice in choices(row.measure_types))


def answered_by_hand(party_code: str) -> bool:
    """Whether the answer comes another way than the bus, so that the coordinator enters it."""
    known = reference().receivers
    return party_code in known and known[party_code].invited_by_hand
