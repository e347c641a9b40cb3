"""`decide`: choose the ground and minimise, pure, against the same question to Cedar with as many policies.

Ours gives all reasons and the fields; Cedar says allow or deny.
"""

import json
import time
from datetime import date

import cedarpy

from bench.harness import Result, alternate
from services.sharing.legal import Question, choose, law, minimise

ON = date(2026, 11, 23)
SECONDS = 2.0
QUESTIONS = (
    Question("folkbokforing_alert", frozenset({"kommun-namnd"}), "skatteverket-folkbokforing", ON, subject="personnummer"),
    Question("folkbokforing_alert", frozenset({"kommun-namnd"}), "kronofogden", ON, subject="personnummer"),
    Question("suspected_payment", frozenset({"socialnamnd"}), "forsakringskassan", ON, subject="personnummer"),
    Question("suspected_payment", frozenset({"socialnamnd"}), "kronofogden", ON, subject="personnummer"),
    Question("control_invitation", frozenset({"kommun-tillsynsnamnd"}), "polismyndigheten", ON, secrecy=frozenset({"17:1"})),
    Question("police_report", frozenset({"socialnamnd"}), "polismyndigheten", ON, subject="nobody"),
)


def run() -> Result:
    """Single thread, two seconds a round."""
    return alternate("decide", _ours, _bare)


def _ours() -> float:
    rules = law()
    fields = {name: "x" for ground in rules.grounds.values() for name in ground.fields_allowed}

    def ask(question: Question) -> object:
        return minimise(choose(rules, question), fields)

    return _per_second([lambda question=question: ask(question) for question in QUESTIONS])


def _bare() -> float:
    policies = cedarpy.PolicySet.from_str("\n".join(_policy(number) for number in range(len(law().grounds))))
    entities = cedarpy.Entities.from_json_str("[]")
    requests = [
        {
            "principal": 'Unit::"kommun"',
            "action": 'Action::"share"',
            "resource": f'Receiver::"{question.receiver}"',
            "context": {
                "record_kind": question.record_kind,
                "senders": sorted(question.sender_kinds),
                "on": question.on.toordinal(),
                "secrecy": sorted(question.secrecy or ()),
            },
        }
        for question in QUESTIONS
    ]
    return _per_second([lambda request=request: cedarpy.is_authorized(request, policies, entities) for request in requests])


def _policy(number: int) -> str:
    """One ground as a Cedar policy: its days, record kinds, senders, receivers, and the secrecy it opens."""
    ground = list(law().grounds.values())[number]
    receivers = ", ".join(f'Receiver::"{code}"' for code in ground.receivers)
    last = (ground.effective_to or date.max).toordinal()
    return (
        f'permit(principal, action == Action::"share", resource) when {{ [{receivers}].contains(resource) '
        f"&& context.on >= {ground.effective_from.toordinal()} && context.on <= {last} "
        f"&& {json.dumps(list(ground.record_kinds))}.contains(context.record_kind) "
        f"&& {json.dumps(list(ground.sender_kinds))}.containsAny(context.senders) "
        f"&& {json.dumps(list(ground.opens))}.containsAll(context.secrecy) }};"
    )


def _per_second(asks: list) -> float:  # type: ignore[type-arg]  # callables without words
    count, started = 0, time.perf_counter()
    while (spent := time.perf_counter() - started) < SECONDS:
        for _ in range(20):
            for ask in asks:
                ask()
        count += 20 * len(asks)
    return count / spent
