"""Does a consumer in any language do what the contract says? Judged by what it hands out and what it answers, nothing else.

The program is started with the folder of a fresh sandbox as its last argument. For each event that it hands out to its own system it writes
one JSON object a line on standard out: event_id, disclosure_id, record_kind, change, receiver_kind, fields.
"""

import json
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from partner import broker, sandbox
from partner.check import Finding
from partner.contract import record_kinds
from partner.envelope import Record
from partner.jose import Code, Refused
from partner.receiver import Verdict, utc_now
from partner.samples import table
from partner.sandbox import Answer, Sandbox
from partner.sender import Sender, Told

DEADLINE_S = 90.0
"""How long a consumer has to start, to look ahead and to answer all samples."""
STOP_S = 20.0
QUIET_S = 2.0
_POLL_MS = 200
_LINE = ("event_id", "disclosure_id", "record_kind", "change", "receiver_kind", "fields")
_TOLD = frozenset({
    Code.EXPIRED,
    Code.AUD_MISMATCH,
    Code.CONTENT_MALFORMED,
    Code.CONTRACT_MISMATCH,
    Code.DISCLOSURE_MISMATCH,
    Code.KIND_MISMATCH,
    Code.SEQUENCE_REPLAYED,
})  # fmt: skip
"""Refused, but shown to come from the kommun: then it is told. A forged one is answered by silence."""
_MAY_BE_TOLD = frozenset({Code.ENCRYPTION_FORM, Code.ENCRYPTION_KEY_UNKNOWN, Code.ENCRYPTION_KEY_EXPIRED, Code.ENCRYPTION_KEY_REVOKED})
"""Not encrypted to a key that holds, in the agreed form: there may be no key to answer with."""
Say = Callable[[str], None]


@dataclass(slots=True)
class _Run:
    """What has been seen of the consumer so far."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    broken_lines: int = 0
    answers: list[Answer] = field(default_factory=list)
    broken_answers: Counter[str] = field(default_factory=Counter)

    def handed_out(self, event_id: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event_id"] == event_id]

    def answered(self, event_id: str) -> dict[str, Answer]:
        """Answers by their id: the same one sent twice is one."""
        return {answer.id: answer for answer in self.answers if answer.event_id == event_id}


def _handed_out(line: bytes) -> dict[str, Any]:
    """What a consumer says that it has handed out. Raises ValueError, KeyError, TypeError, RecursionError for a line of another form."""
    found = json.loads(line.decode("utf-8"))
    said = {name: found[name] for name in _LINE}
    if not isinstance(said["event_id"], str):
        raise TypeError
    return said


class _Program:
    """The consumer under test as a child process."""

    def __init__(self, words: Sequence[str], folder: Path, run: _Run) -> None:
        self._run = run
        self._log = (folder / "consumer.log").open("ab")
        self._child = subprocess.Popen([*words, str(folder)], stdout=subprocess.PIPE, stderr=self._log)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._child.stdout is not None  # noqa: S101 - asked for above
        for line in self._child.stdout:
            try:
                self._run.lines.append(_handed_out(line))
            except (ValueError, KeyError, TypeError, RecursionError):
                self._run.broken_lines += 1

    @property
    def ended(self) -> bool:
        return self._child.poll() is not None

    def kill(self) -> None:
        self._child.kill()
        self._child.wait()
        self._close()

    def stop(self) -> bool:
        """Ask it to end; whether it did."""
        self._child.terminate()
        try:
            self._child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            return False
        self._close()
        return True

    def _close(self) -> None:
        self._reader.join()
        assert self._child.stdout is not None  # noqa: S101 - asked for above
        self._child.stdout.close()
        self._log.close()


class _Topics:
    """The made-up kommun's side of the broker."""

    def __init__(self, box: Sandbox) -> None:
        self._kit = replace(box.kit, broker=box.kommun_broker)
        self._box = box
        self._producer = broker.producer(self._kit)
        self._replies: KafkaConsumer = broker.reader(self._kit)
        topic = box.kit.reply_topic
        places = [TopicPartition(topic, number) for number in sorted(self._replies.partitions_for_topic(topic) or ())]
        self._replies.assign(places)
        for place, end in self._replies.end_offsets(places).items():
            self._replies.seek(place, end)

    def write(self, records: Sequence[Record]) -> None:
        sent = [self._producer.send(one.topic, key=one.key, value=one.value, headers=list(one.headers)) for one in records]
        for future in sent:
            future.get(broker.SEND_DEADLINE_S)

    def read(self, run: _Run) -> None:
        for messages in self._replies.poll(timeout_ms=_POLL_MS).values():
            for one in messages:
                try:
                    answer = self._box.answer(one.key, one.value, list(one.headers), utc_now())
                    run.answers += [answer] if answer else []
                except Refused as refusal:
                    run.broken_answers[refusal.code] += 1

    def all_committed(self) -> bool:
        """Whether a group of the consumer's has come to the end of all that was written."""
        topic = self._box.kit.share_topic
        places = [TopicPartition(topic, number) for number in self._replies.partitions_for_topic(topic) or ()]
        ends = {place.partition: end for place, end in self._replies.end_offsets(places).items() if end}
        return any(ends.items() <= group.items() for group in broker.committed(self._box.kit))

    def close(self) -> None:
        self._producer.close(timeout=broker.SEND_DEADLINE_S)
        self._replies.close()


@dataclass(frozen=True, slots=True)
class _Samples:
    good: list[tuple[str, Told]]
    withdrawn: list[tuple[str, Told]]
    bad: list[tuple[str, Record, Verdict | Code, str]]


def judged(folder: Path, words: Sequence[str], say: Say) -> Iterator[Finding]:
    """Start the consumer in a copy of the sandbox in `folder` and judge it. Raises BrokerProblem, KitError, OSError: it cannot start."""
    with tempfile.TemporaryDirectory(prefix="los-check-") as name:
        box = sandbox.fresh(folder, Path(name) / "kit")
        topics = _Topics(box)
        try:
            yield from _judged(box, words, topics, say)
        finally:
            topics.close()


def _judged(box: Sandbox, words: Sequence[str], topics: _Topics, say: Say) -> Iterator[Finding]:
    run, sender = _Run(), box.sender(utc_now())
    say("Lägger ut proven och startar mottagaren …")
    first = _first(sender)
    topics.write([one.record for _, one in _order(first)] + [record for _, record, _, _ in first.bad])
    program = _Program(words, box.folder, run)
    try:
        answered = _wait(run, topics, program, _expected(first))
        say("Dödar mottagaren, lägger ut mer och startar den igen …")
        program.kill()
        known = next(told for _, told in first.good if told.change == "shared")
        second = _second(sender, known)
        topics.write([known.record, *(told.record for _, told in second.good)])
        program = _Program(words, box.folder, run)
        answered = _wait(run, topics, program, _expected(second)) and answered
        _quiet(run, topics)
    finally:
        stopped = program.stop()
    yield Finding(answered, "Mottagaren svarar på allt som den ska svara på i tid.")
    yield from _findings(run, first, second)
    yield Finding(stopped, "Mottagaren slutar när den ombeds (SIGTERM).")
    yield Finding(topics.all_committed(), "Läget i konsumentgruppen är sparat hos Kafka (commit), till och med det sista meddelandet.")


def _first(sender: Sender) -> _Samples:
    """What lies there when the consumer has been away: every kind, some of it recalled or replaced meanwhile, and the bad ones."""
    good, withdrawn = [], []
    for kind in sender.kit.receiver_kinds:
        for record_kind in record_kinds(kind):
            good.append((f"{record_kind} till {kind}", sender.told(kind, record_kind)))
            recalled, replaced = (sender.told(kind, record_kind) for _ in range(2))
            recall = sender.told(kind, record_kind, "recalled", key=recalled.key, sequence=2, disclosure_id=recalled.disclosure_id)
            correction = sender.told(kind, record_kind, "corrected", key=replaced.key, sequence=2, replaces=[replaced.disclosure_id])
            withdrawn += [(f"{record_kind} till {kind}, som är återkallad längre fram", recalled)]
            withdrawn += [(f"{record_kind} till {kind}, som är rättad längre fram", replaced)]
            good += [(f"Återkallelse: {record_kind} till {kind}", recall), (f"Rättelse: {record_kind} till {kind}", correction)]
    bad = [
        (sample.name, sample.record, sample.expected, _id(sample.record))
        for sample in table(sender)
        if sample.record.topic == sender.kit.share_topic
    ]
    return _Samples(good, withdrawn, bad)


def _second(sender: Sender, known: Told) -> _Samples:
    """What comes after a crash: something known again, the next of its case, and a recall of it."""
    key, kind = known.key, known.receiver_kind
    after = sender.told(kind, known.record_kind, key=key, sequence=2)
    recall = sender.told(kind, known.record_kind, "recalled", key=key, sequence=3, disclosure_id=known.disclosure_id)
    return _Samples(
        [("Det följande i samma ärende, efter avbrottet", after), ("Återkallelse av något som redan är mottaget", recall)], [], []
    )


def _order(samples: _Samples) -> list[tuple[str, Told]]:
    """Originals before what recalls or replaces them."""
    return [*samples.withdrawn, *samples.good]


def _expected(samples: _Samples) -> set[str]:
    told = {one.event_id for _, one in _order(samples)}
    return told | {event_id for _, _, expected, event_id in samples.bad if expected in _TOLD or expected is Verdict.HANDLED}


def _wait(run: _Run, topics: _Topics, program: _Program, expected: set[str]) -> bool:
    deadline = time.monotonic() + DEADLINE_S
    while not expected <= {answer.event_id for answer in run.answers}:
        if program.ended or time.monotonic() > deadline:
            return False
        topics.read(run)
    return True


def _quiet(run: _Run, topics: _Topics) -> None:
    """What comes too much comes soon after."""
    deadline = time.monotonic() + QUIET_S
    while time.monotonic() < deadline:
        topics.read(run)


def _findings(run: _Run, first: _Samples, second: _Samples) -> Iterator[Finding]:
    for name, told in (*first.good, *second.good):
        yield _good(name, told, run)
    for name, told in first.withdrawn:
        count = len(run.handed_out(told.event_id))
        yield _finding(
            f"{name}: lämnas inte ut, men kvitteras.", count == 0 and len(run.answered(told.event_id)) == 1, _seen(run, told.event_id)
        )
    valid = {event_id for _, _, expected, event_id in first.bad if expected is Verdict.HANDLED}
    for name, _, expected, event_id in first.bad:
        if expected is not Verdict.DUPLICATE:
            yield _bad(name, expected, event_id, run)
    expected_ids = {one.event_id for _, one in (*first.good, *second.good)} | valid
    strange = [line for line in run.lines if line["event_id"] not in expected_ids]
    yield _finding(
        "Inget annat lämnas ut.", not strange and not run.broken_lines, f"{len(strange)} andra, {run.broken_lines} oläsliga rader"
    )
    wrong = ", ".join(f"{count} {code}" for code, count in run.broken_answers.items())
    yield _finding("Varje svar följer kontraktet.", not wrong, wrong)


def _good(name: str, told: Told, run: _Run) -> Finding:
    wanted = dict(
        zip(_LINE, (told.event_id, told.disclosure_id, told.record_kind, told.change, told.receiver_kind, told.fields), strict=True)
    )
    answers = [answer.status for answer in run.answered(told.event_id).values()]
    right = run.handed_out(told.event_id) == [wanted] and answers == ["received"]
    return _finding(f"{name}: lämnas ut en gång, ord för ord, och kvitteras.", right, _seen(run, told.event_id))


def _bad(name: str, expected: Verdict | Code, event_id: str, run: _Run) -> Finding:
    answers = [answer.status for answer in run.answered(event_id).values()]
    count = len(run.handed_out(event_id))
    if expected is Verdict.HANDLED:
        return _finding(f"{name}: tas emot en gång.", count == 1 and answers == ["received"], _seen(run, event_id))
    if expected in _TOLD:
        return _finding(f"{name}: avvisas, och kommunen får veta det.", count == 0 and answers == ["refused"], _seen(run, event_id))
    if expected in _MAY_BE_TOLD:
        return _finding(f"{name}: avvisas.", count == 0 and answers in ([], ["refused"]), _seen(run, event_id))
    return _finding(f"{name}: avvisas utan svar.", count == 0 and not answers, _seen(run, event_id))


def _finding(text: str, right: bool, seen: str) -> Finding:  # noqa: FBT001 - the finding's own word
    return Finding(right, text if right else f"{text} Det blev: {seen}.")


def _seen(run: _Run, event_id: str) -> str:
    answers = ", ".join(f"{answer.status} {answer.reason}".strip() for answer in run.answered(event_id).values()) or "inget svar"
    return f"utlämnat {len(run.handed_out(event_id))} gånger, {answers}"


def _id(record: Record) -> str:
    """The id that a record says it has; nothing for one that says none."""
    try:
        found: Mapping[str, Any] = json.loads(record.value or b"")
        return str(found["id"])
    except (ValueError, KeyError, TypeError):
        return ""
