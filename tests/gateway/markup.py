"""A page as a browser would read it: which elements and attributes it has, and its forms with their fields."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

WRITTEN = frozenset({"text", "search", "email", "url", "tel", "textarea", "password"})
"""Kinds of field where a person may write anything."""


@dataclass
class Field:
    """One control of a form: the values that it offers, and the one that it has."""

    name: str
    kind: str
    value: str = ""
    options: list[str] = field(default_factory=list)


@dataclass
class Form:
    """Where it is sent, and its controls by name."""

    action: str
    method: str
    fields: dict[str, Field] = field(default_factory=dict)


class Page(HTMLParser):
    """What is on a page. `elements` and `attributes` are names; `said` all text, also that of attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.said: list[str] = []
        self.forms: list[Form] = []
        self._form: Form | None = None
        self._inside: Field | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.elements.add(tag)
        self.attributes |= found.keys()
        self.said += found.values()
        if tag == "form":
            self._form = Form(found.get("action", ""), found.get("method", "get").upper())
            self.forms.append(self._form)
        if self._form is not None and found.get("name"):
            self._control(self._form, tag, found)
        elif tag == "option" and self._inside is not None:
            self._inside.options.append(found.get("value", ""))
            if "selected" in found:
                self._inside.value = found.get("value", "")

    def _control(self, form: Form, tag: str, found: dict[str, str]) -> None:
        kind = found.get("type", "text" if tag == "input" else "submit" if tag == "button" else tag)
        control = form.fields.setdefault(found["name"], Field(found["name"], kind))
        if kind in {"radio", "checkbox", "submit"}:
            control.options.append(found.get("value", ""))
            control.value = found.get("value", "") if "checked" in found else control.value
        else:
            control.value = found.get("value", "")
        self._inside = control if tag in {"select", "textarea"} else self._inside

    def handle_data(self, data: str) -> None:
        self.said.append(data)
        if self._inside is not None and self._inside.kind == "textarea":
            self._inside.value += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        if tag in {"select", "textarea"}:
            self._inside = None
