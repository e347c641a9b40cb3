"""Draws requests from their descriptors: such as would be taken, such as are broken in one place or in many, and bytes that are none.

Hypothesis draws a plan of numbers and values; `Plan.message` turns it into a request with what the pool holds by then.
"""

import random
from pathlib import Path
from typing import Any
from uuid import UUID

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

from tests.fuzz.pool import Pool
from tests.fuzz.reflected import Field, is_list, rules_of

CANARY = "Kanariefågelsson"
"""A name that nobody has. In no error, and in no log."""
NUMBERS = [
    line
    for line in (Path(__file__).parents[2] / "samples" / "testpersonnummer.txt").read_text(encoding="ascii").split()
    if line.isdigit() and len(line) == 12
][:40]
PERSON = NUMBERS[0]
NOT_UTF8 = "ogiltig-utf8-här"
"""Stands for bytes that are no UTF-8: put in after the message has become bytes."""
SCALARS = FieldDescriptor

ODD_TEXTS = (
    "", " ", "\x00", "Alma\x00Prov", "\n\r\t", "\u202etxet", "\u2066\u2067", "\ufeff", "\u200d", "\ufffd", "\uffff", "\U0010ffff",
    "a\u0301" * 20,
    "İ", "ß", "１２３４", "١٢٣", "½", "²", "-0", "NaN", "Infinity", "1e400", "9" * 400, "-1", "0x10", "1_000", "1 000,50",
    "0000-00-00", "9999-12-31", "0001-01-01", "2026-02-30", "2026-13", "10000-01-01", "2026-W01-1", "2026-11-25T00:00:00Z", "١٩٩٠-٠١-٠١",
    "'; DROP TABLE alert; --", "%s{0}%(x)s", "../../etc/passwd", "<script>alert(1)</script>", '=HYPERLINK("x")', "\\u0000", "null",
    f"{CANARY} {PERSON}", PERSON, f"{PERSON[2:8]}-{PERSON[8:]}", f"Hon heter {CANARY}.", CANARY, NOT_UTF8,
    "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "{12345678-1234-5678-1234-567812345678}",
    "urn:uuid:12345678-1234-5678-1234-567812345678", "x" * 41, "å" * 101, "💶" * 1001, "x" * 70_000,
)  # fmt: skip
ODD_NUMBERS = (0, 1, -1, 2, 99, 100, 127, 128, 1000, 2**31 - 1, -(2**31), 2**32 - 1, 2**53, 2**63 - 1, -(2**63), 2**64 - 1)
SECONDS = (0, 1, -1, -62_135_596_800, -62_135_596_801, 253_402_300_799, 253_402_300_800, 2**63 - 1, -(2**63), 1_764_000_000, 4_102_444_800)
NANOS = (0, 1, 999_999_999, 1_000_000_000, -1, 2**31 - 1, -(2**31))
ODD_BYTES = (
    b"",
    b"\x00",
    b"\xff" * 8,
    b"\x0b" * 150,
    b"\x0a\xff\xff\xff\xff\x0f",
    b"\x0a\x7fshort",
    b"\x08" + b"\x80" * 12,
    b"\x1b\x1c",
    b"\x07",
)
UNKNOWN = (
    b"",
    b"",
    b"\xfa\x7f\x03abc",
    b"\xf8\x7f\x01",
    (b"\xfb\x7f" * 90) + (b"\xfc\x7f" * 90),
    (b"\xfb\x7f" * 200) + (b"\xfc\x7f" * 200),
)
DEPTH_MAX = 6


class Plan:
    """One request, decided: `how` it comes about, and how many places of it are broken."""

    def __init__(self, seed: int, how: str, changes: int) -> None:
        self.seed, self.how, self.changes = seed, how, changes

    def __repr__(self) -> str:
        return f"Plan({self.seed}, {self.how!r}, {self.changes})"

    def message(self, kind: Descriptor, pool: Pool) -> bytes:
        """The request as it goes over the wire."""
        chance = random.Random(self.seed)  # noqa: S311  # a drawing, repeated by its seed
        if self.how == "bytes":
            return chance.choice((*ODD_BYTES, chance.randbytes(chance.randrange(300))))
        made = self._begun(kind, pool, chance)
        for _ in range(self.changes):
            break_one(made, pool, chance)
        wire = made.SerializeToString() + (chance.choice(UNKNOWN) if self.changes else b"")
        return wire.replace(NOT_UTF8.encode(), b"\xff\xfe\xc0\x80" * 4 + b"\xed")

    def _begun(self, kind: Descriptor, pool: Pool, chance: random.Random) -> Message:
        made = GetMessageClass(kind)()
        earlier = pool.message(kind.full_name, chance.randrange(2**16)) if self.how in {"repeat", "change"} else None
        if earlier is not None:
            made.ParseFromString(earlier)
        else:
            fill(made, pool, chance, 0)
        if self.how != "repeat" or earlier is None:
            renew(made, pool, chance)
        return made


plans = st.builds(
    Plan,
    st.integers(0, 2**64 - 1),
    st.sampled_from(("repeat", "change", "change", "change", "compose", "compose", "compose", "bytes")),
    st.integers(0, 4),
)


def fields_of(made: Message) -> list[Any]:
    """The fields of its type."""
    return list(made.DESCRIPTOR.fields)


def renew(made: Message, pool: Pool, chance: random.Random) -> None:
    """A request of its own, mostly about something that exists, as it is now."""
    for field in fields_of(made):
        if field.name in {"request_id", "event_id"} and chance.random() < 0.97:
            setattr(made, field.name, str(UUID(int=chance.getrandbits(128), version=4)))
        elif field.message_type is not None and not is_list(field) and made.HasField(field.name):
            renew(getattr(made, field.name), pool, chance)
    if chance.random() < 0.8:
        for name, value in pool.record(list(made.DESCRIPTOR.fields_by_name), chance.randrange(2**16)).items():
            put(made, made.DESCRIPTOR.fields_by_name[name], value)


def fill(made: Message, pool: Pool, chance: random.Random, depth: int) -> None:
    """Most fields, as their rules want them; one of each oneof."""
    chosen = {one.name: chance.choice(one.fields).name for one in list[Any](made.DESCRIPTOR.oneofs)}
    for field in fields_of(made):
        of = field.containing_oneof
        if of is not None and chosen[of.name] != field.name:
            continue
        if chance.random() < 0.85 or rules_of(field).required:
            put_drawn(made, field, pool, chance, depth, odd=0.05)


def break_one(made: Message, pool: Pool, chance: random.Random) -> None:
    """Something odd in one place, here or further in."""
    if not fields_of(made):
        return
    field = chance.choice(fields_of(made))
    if field.message_type is not None and not is_list(field) and made.HasField(field.name) and chance.random() < 0.7:
        break_one(getattr(made, field.name), pool, chance)
    elif chance.random() < 0.2:
        made.ClearField(field.name)
    elif (
        is_list(field) and field.message_type is not None and len(getattr(made, field.name)) and not is_map(field) and chance.random() < 0.5
    ):
        break_one(chance.choice(getattr(made, field.name)), pool, chance)
    else:
        put_drawn(made, field, pool, chance, 0, odd=0.8)


def is_map(field: Field) -> bool:
    """Whether the field is a map."""
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def put_drawn(made: Message, field: Field, pool: Pool, chance: random.Random, depth: int, odd: float) -> None:
    """Draw a value, or several, and set them."""
    if depth > DEPTH_MAX:
        return
    if is_map(field):
        value = field.message_type.fields_by_name["value"]
        key = scalar(field.message_type.fields_by_name["key"], pool, chance, odd)
        if value.message_type is None:
            getattr(made, field.name)[key] = scalar(value, pool, chance, odd)
        else:
            fill(getattr(made, field.name)[key], pool, chance, depth + 1)
    elif is_list(field):
        made.ClearField(field.name)
        many = chance.choice((0, 1, 1, 2, 3)) if chance.random() >= odd else chance.choice((0, 25, 300))
        for _ in range(many):
            if field.message_type is None:
                getattr(made, field.name).append(scalar(field, pool, chance, odd))
            else:
                begin(getattr(made, field.name).add(), pool, chance, depth + 1)
    elif field.message_type is not None:
        getattr(made, field.name).SetInParent()
        begin(getattr(made, field.name), pool, chance, depth + 1)
    else:
        put(made, field, scalar(field, pool, chance, odd))


def begin(inner: Message, pool: Pool, chance: random.Random, depth: int) -> None:
    """A message inside another: an instant, one that was seen before, or a new one."""
    if inner.DESCRIPTOR.full_name == "google.protobuf.Timestamp":
        instant(inner, chance)
        return
    earlier = pool.message(inner.DESCRIPTOR.full_name, chance.randrange(2**16)) if chance.random() < 0.5 else None
    if earlier is not None:
        inner.ParseFromString(earlier)
    else:
        fill(inner, pool, chance, depth)


def instant(inner: Any, chance: random.Random) -> None:  # noqa: ANN401  # a Timestamp of the reflected pool
    """Now and then, the edges, and past them."""
    recent = 1_795_000_000 + chance.randrange(10_000_000)
    inner.seconds = recent if chance.random() < 0.5 else chance.choice(SECONDS)
    inner.nanos = chance.choice(NANOS)


def put(made: Message, field: Field, value: Any) -> None:  # noqa: ANN401  # whatever the field holds
    """Set it, when the field's type can hold it at all."""
    try:
        if is_list(field):
            getattr(made, field.name).append(value)
        else:
            setattr(made, field.name, value)
    except (TypeError, ValueError):
        return


def scalar(field: Field, pool: Pool, chance: random.Random, odd: float) -> Any:  # noqa: ANN401, PLR0911  # one for each type
    """A value of the field's type: known from before, as the rules want it, or odd."""
    known = pool.value(field.name, chance.randrange(2**16))
    is_odd = chance.random() < odd
    if field.type == SCALARS.TYPE_STRING:
        if known is not None and isinstance(known, str) and not is_odd and chance.random() < 0.8:
            return known
        return chance.choice(ODD_TEXTS) if is_odd else text(field, chance)
    if field.type == SCALARS.TYPE_BOOL:
        return chance.random() < 0.5
    if field.type == SCALARS.TYPE_BYTES:
        return chance.randbytes(chance.choice((0, 1, 32, 5000)))
    if field.type in {SCALARS.TYPE_DOUBLE, SCALARS.TYPE_FLOAT}:
        return chance.choice((0.0, -0.0, 1.5, float("nan"), float("inf"), float("-inf"), 1e308))
    if field.type == SCALARS.TYPE_ENUM:
        numbers = [value.number for value in field.enum_type.values]
        return chance.choice((-1, 99, 2**31 - 1, -(2**31))) if is_odd else chance.choice(numbers)
    return number(field, chance, is_odd)


def number(field: Field, chance: random.Random, is_odd: bool) -> int:  # noqa: FBT001
    """An integer that the field can hold on the wire."""
    fits = [one for one in ODD_NUMBERS if _fits(field, one)]
    return chance.choice(fits) if is_odd else chance.choice((0, 1, 2, 3, 5, 20, 60))


def _fits(field: Field, value: int) -> bool:
    probe = GetMessageClass(field.containing_type)()
    try:
        if is_list(field):
            getattr(probe, field.name).append(value)
        else:
            setattr(probe, field.name, value)
    except (ValueError, TypeError):
        return False
    return True


def text(field: Field, chance: random.Random) -> str:
    """As the rules want it, as far as the name tells."""
    rules = rules_of(field).string
    name = field.name
    if rules.uuid or name.endswith("_id"):
        return str(UUID(int=chance.getrandbits(128), version=4))
    if "number" in name or "identity" in name:
        return chance.choice(NUMBERS)
    if name.endswith(("_date", "_from", "_to", "_at", "on")) or rules.len == 10:
        return f"2026-{chance.randrange(1, 13):02d}-{chance.randrange(1, 29):02d}"
    words = (f"Hej {CANARY}", "Provgatan 1", "12000", "LINKÖPING PROVET 1:1", f"{PERSON} bor här", "x")
    longest = rules.len or rules.max_len or 200
    return chance.choice(words)[:longest].ljust(rules.len or rules.min_len, "0")
