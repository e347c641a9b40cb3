"""What a change of the contract breaks for a partner built against the last release. Knows the JSON Schema that we write, no more."""

from collections.abc import Iterator, Mapping
from posixpath import dirname, join, normpath
from typing import Any

Files = Mapping[str, Any]
"""A contract: file name -> what it says."""

_DOCUMENT = "asyncapi.json"
_WORDS = frozenset({"info", "title", "summary", "description", "x-los-switch", "x-los-grounds"})
_FIXED = (
    *("type", "pattern", "format", "minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties"),
    *("additionalProperties", "if", "then", "else"),
)


def broken(released: Files, now: Files) -> list[str]:
    """One line for each incompatible change; none when the partner can stay as it is.

    Compatible: a new file, channel, message, ground, code or optional field, and a new field that is always there in what the partner gets.
    """
    found = [f"{name}: is gone" for name in released if name not in now]
    for name in sorted(released.keys() & now.keys()):
        if name == _DOCUMENT:
            found += _kept(released[name], now[name], name)
            continue
        try:
            found += _schema(_in_place(released, name), _in_place(now, name), name, sends=name.startswith("repl"))
        except KeyError as error:
            found.append(f"{name}: refers to {error}, which is gone")
    return list(dict.fromkeys(found))


def _kept(old: object, new: object, where: str) -> Iterator[str]:
    """Everything that the AsyncAPI document says is said as it was, but for words; more may be added."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in (name for name in old if name not in _WORDS):
            if name in new:
                yield from _kept(old[name], new[name], f"{where}: {name}" if where == _DOCUMENT else f"{where}.{name}")
            else:
                yield f"{where}: {name} is gone"
    elif isinstance(old, list) and isinstance(new, list):
        yield from (f"{where}: {part} is gone" for part in old if part not in new)
    elif old != new:
        yield f"{where}: was {old}, is {new}"


def _schema(old: Mapping[str, Any], new: Mapping[str, Any], where: str, *, sends: bool) -> Iterator[str]:
    """`sends`: the partner writes it, so it may not be asked for more; else the partner reads it, and may not be given less."""
    for name in _FIXED:
        if old.get(name) != new.get(name):
            yield f"{where}: {name} was {old.get(name)}, is {new.get(name)}"
    yield from _values(_words(old), _words(new), where, sends=sends)
    yield from _properties(old, new, where, sends=sends)
    if "items" in old:
        yield from _schema(old["items"], new.get("items", {}), f"{where}[]", sends=sends)
    for word in ("oneOf", "anyOf"):
        for alternative in old.get(word, ()):
            tried = [list(_schema(alternative, other, where, sends=sends)) for other in new.get(word, ())]
            yield from min(tried, key=len, default=[f"{where}: {word} is gone"])


def _properties(old: Mapping[str, Any], new: Mapping[str, Any], where: str, *, sends: bool) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    was, must = old.get("required", ()), new.get("required", ())
    for name, schema in before.items():
        place = f"{where}.{name}" if ":" in where else f"{where}: {name}"
        if name not in after:
            yield f"{place} is gone"
            continue
        if sends and name in must and name not in was:
            yield f"{place} was optional, is required"
        if not sends and name in was and name not in must:
            yield f"{place} was always there, is optional"
        yield from _schema(schema, after[name], place, sends=sends)
    if sends:
        yield from (f"{where}: {name} is new and required" for name in after if name not in before and name in must)


def _values(old: list[Any] | None, new: list[Any] | None, where: str, *, sends: bool) -> Iterator[str]:
    if old is not None and new is not None:
        yield from (f"{where}: the value {value} is gone" for value in old if value not in new)
    elif old is not None and not sends:
        yield f"{where}: was one of {len(old)} values, is any"
    elif new is not None and sends:
        yield f"{where}: was any value, is one of {len(new)}"


def _words(schema: Mapping[str, Any]) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _in_place(files: Files, name: str) -> Any:  # noqa: ANN401  # any part of a schema
    """The schema with what it refers to put in place of the reference. Raises KeyError for a reference to nothing."""

    def resolved(part: object, file: str) -> Any:  # noqa: ANN401  # as above
        if isinstance(part, list):
            return [resolved(item, file) for item in part]
        if not isinstance(part, Mapping):
            return part
        if "$ref" not in part:
            return {word: resolved(value, file) for word, value in part.items() if word != "$defs"}
        path, _, pointer = part["$ref"].partition("#")
        target = normpath(join(dirname(file), path)) if path else file
        found = files[target]
        for step in pointer.split("/")[1:]:
            found = found[step]
        return resolved(found, target)

    return resolved(files[name], name)
