"""What earlier answers said, for later questions to name: ids, etags, page tokens, codes, whole requests that were taken.

A drawing names a place in here by a number, so that what Hypothesis draws never depends on what the services have answered.
"""

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from typing import Any

from google.protobuf.message import Message

from tests.fuzz.reflected import is_list

KEPT = 60
"""As many of each are remembered, the latest."""


class Pool:
    """Values by field name, records by what they hold, messages by their type."""

    def __init__(self) -> None:
        self._values: dict[str, deque[Any]] = defaultdict(lambda: deque(maxlen=KEPT))
        self._records: deque[dict[str, Any]] = deque(maxlen=KEPT * 10)
        self._streams: dict[str, deque[list[bytes]]] = defaultdict(lambda: deque(maxlen=KEPT))
        self._messages: dict[str, deque[bytes]] = defaultdict(lambda: deque(maxlen=KEPT))

    def learn(self, message: Message) -> None:
        """Remember an answer, or a request that was taken, with all that is in it."""
        self._messages[message.DESCRIPTOR.full_name].append(message.SerializeToString())
        record = {}
        for field, value in message.ListFields():
            if field.message_type is None:
                for one in value if is_list(field) else [value]:
                    self._values[field.name].append(one)
                if not is_list(field):
                    record[field.name] = value
            elif not field.message_type.GetOptions().map_entry:
                for one in value if is_list(field) else [value]:
                    self.learn(one)
        if any(name.endswith("_id") and name != "request_id" for name in record):
            self._records.append(record)

    def value(self, name: str, place: int) -> Any:  # noqa: ANN401  # whatever the field holds
        """Something that a field of this name has held; failing that one with a similar name; else None."""
        known = self._values.get(name) or next((self._values[other] for other in self._similar(name)), None)
        return known[place % len(known)] if known else None

    def _similar(self, name: str) -> Iterator[str]:
        ending = name.rsplit("_", 1)[-1].removesuffix("s")
        return (other for other, values in self._values.items() if values and other.rstrip("s").endswith(ending))

    def record(self, names: Sequence[str], place: int) -> dict[str, Any]:
        """What one known thing has under these names: an id with its own etag, a preview with its own hash."""
        wanted = [name for name in names if name.endswith("_id") and name != "request_id"]
        known = [record for record in self._records if any(name in record for name in wanted)]
        if not known:
            return {}
        record = known[-1 - place % len(known)]
        return {name: record[name] for name in names if name in record and name != "request_id"}

    def message(self, full_name: str, place: int) -> bytes | None:
        """A message of this type that was taken or given."""
        known = self._messages.get(full_name)
        return known[place % len(known)] if known else None

    def learn_stream(self, method: str, messages: list[bytes]) -> None:
        """A stream that was taken."""
        self._streams[method].append(messages)

    def stream(self, method: str, place: int) -> list[bytes]:
        """The beginning of a stream that was taken; none when none was."""
        known = self._streams.get(method)
        if not known:
            return []
        whole = known[place % len(known)]
        return whole[: place % 7]
