"""The drawings of workflows 5.1 and 6.1, copied by hand, and what we have beyond them, each with its reason.

`a > b, c`: from a to b or to c. The states of the code are compared with this, and so is every history that a test makes.
"""

from collections.abc import Mapping

from services.kernel.life import Life


def edges(drawing: str) -> frozenset[tuple[str, str]]:
    """The arrows of a drawing."""
    rows = [line.partition(" > ") for line in drawing.strip().splitlines()]
    return frozenset((before.strip(), after.strip()) for before, _, afters in rows for after in afters.split(","))


def moves(life: Life[object]) -> frozenset[tuple[str, str]]:  # type: ignore[type-var]  # of any states
    """The arrows of a table."""
    return frozenset((str(row.before), str(row.after)) for row in life.rows)


ALERT = edges("""
    draft > submitted
    submitted > screened
    screened > assessed, needs_completion, blocked_protected
    assessed > notice_sent, referred_to_landlord, linked_to_payment_case, no_action
    notice_sent > acknowledged
    acknowledged > investigation_open
    investigation_open > closed
    needs_completion > submitted
""")
ALERT_BEYOND: Mapping[str, frozenset[tuple[str, str]]] = {
    "the register check of protection is good for a day, so an assessment may be made again": edges(
        "assessed > assessed, needs_completion"
    ),
    "Skatteverket need not tell that it has opened a case (matrix 5.1)": edges("acknowledged > closed"),
    "a protected person stops everything, whenever it is found": edges("""
        submitted > blocked_protected
        draft > blocked_protected
        needs_completion > blocked_protected
        assessed > blocked_protected
        notice_sent > blocked_protected
        acknowledged > blocked_protected
        investigation_open > blocked_protected
    """),
    "what was wrong is taken back (matrix 9, M9)": edges("""
        draft > withdrawn
        submitted > withdrawn
        screened > withdrawn
        needs_completion > withdrawn
        assessed > withdrawn
        notice_sent > withdrawn
        acknowledged > withdrawn
        investigation_open > withdrawn
    """),
}

PAYMENT = edges("""
    flagged > intake_review
    intake_review > dismissed, preliminary_check
    preliminary_check > authority_error, investigation_open
    authority_error > corrected
    corrected > closed
    investigation_open > communicated
    communicated > no_error, error_no_recovery, error_recovery
    no_error > closed
    error_no_recovery > closed
    error_recovery > recovery_decided
    recovery_decided > paid, instalment, court_action
    paid > closed
    instalment > closed
    court_action > closed
""")
_GOES_ON = (
    "preliminary_check",
    "investigation_open",
    "communicated",
    "no_error",
    "error_no_recovery",
    "error_recovery",
    "recovery_decided",
    "paid",
    "instalment",
    "court_action",
)
_OPEN = ("flagged", "intake_review", "authority_error", "corrected", *_GOES_ON)
PAYMENT_BEYOND: Mapping[str, frozenset[tuple[str, str]]] = {
    "at any time from the preliminary check a notice may be due or a crime suspected": frozenset((state, state) for state in _GOES_ON),
    "a check that finds nothing ends; the innocent need not be told of it": edges("preliminary_check > dismissed"),
    "a protected person stops everything, whenever it is found": frozenset((state, "blocked_protected") for state in _OPEN),
    "what was flagged wrongly is taken back": edges("""
        flagged > withdrawn
        preliminary_check > withdrawn
    """),
}

NOTICE = edges("""
    none > due, sent
    due > sent, none
    sent > due
""")  # one notice for each body: another one may be due when the first has gone, or no longer
POLICE = edges("""
    none > due
    due > filed, none
    filed > feedback, filed
    feedback > closed
""")  # none: the suspicion did not hold, before anything was reported; filed again: with Polisen's number


def allowed(drawn: frozenset[tuple[str, str]], beyond: Mapping[str, frozenset[tuple[str, str]]]) -> frozenset[tuple[str, str]]:
    """Everything that may happen."""
    return drawn.union(*beyond.values())
