"""Does the consumer do what the contract says, and does the broker give exactly the rights that it should?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from partner import broker
from partner.inbox import Handler, Inbox
from partner.jose import Code
from partner.kit import Kit
from partner.receiver import Receiver, Verdict, utc_now
from partner.samples import samples

_AGENCIES = ("skatteverket", "forsakringskassan", "kronofogden", "polisen")
_WORDS = {
    Verdict.HANDLED: "tas emot",
    Verdict.DUPLICATE: "känns igen och ger ingen ny verkan",
    Verdict.WITHDRAWN: "kvitteras och lämnas inte ut",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One question and whether its answer is right; `text` is Swedish."""

    right: bool
    text: str


def consumer(kit: Kit, handler: Callable[[Kit], Handler]) -> Iterator[Finding]:
    """Receive good and bad sample records with throw-away keys, in a database that is thrown away."""
    now = utc_now()
    kit, table = samples(kit, now)
    inbox = Inbox.open(":memory:")
    receiver = Receiver(kit, inbox, handler(kit))
    for number, sample in enumerate(table):
        verdict = receiver.receive(replace(sample.record, offset=number))
        right = verdict is sample.expected
        text = f"{sample.name} {_word(sample.expected)}."
        yield Finding(right, text if right else f"{text} Här blev det i stället så att det {_word(verdict)}.")
    inbox.close()


def rights(kit: Kit) -> Iterator[Finding]:
    """Ask the broker what the agency may do. Nothing is written to any topic. Raises BrokerProblem."""
    own = {kit.share_topic, kit.reply_topic}
    others = [f"los.{way}.{agency}.v1" for agency in _AGENCIES if agency != kit.agency for way in ("share", "reply")]
    seen = broker.topics(kit)
    allowed = broker.topic_rights(kit, sorted(own) + others)
    yield Finding("READ" in allowed[kit.share_topic], f"{kit.share_topic} får läsas.")
    yield Finding("WRITE" not in allowed[kit.share_topic], f"{kit.share_topic} får inte skrivas.")
    yield Finding("WRITE" in allowed[kit.reply_topic], f"{kit.reply_topic} får skrivas.")
    yield Finding("READ" not in allowed[kit.reply_topic], f"{kit.reply_topic} får inte läsas.")
    yield Finding(seen == own, "Inga andra ämnen (topics) än de egna syns.")
    for topic in others:
        yield Finding(not allowed[topic], f"{topic} är stängt.")
    yield Finding(broker.may_use_group(kit, f"{kit.group_prefix}check"), "En egen konsumentgrupp får användas.")
    foreign = next(agency for agency in _AGENCIES if agency != kit.agency)
    yield Finding(not broker.may_use_group(kit, f"{foreign}.inbox"), "En annan myndighets konsumentgrupp är stängd.")


def _word(verdict: Verdict | Code) -> str:
    return _WORDS[verdict] if isinstance(verdict, Verdict) else f"avvisas ({verdict.value})"
