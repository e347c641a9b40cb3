"""The questions of a form as data: asked by one template, read back in words where somebody is to confirm what they are about to do."""

from collections.abc import Iterable
from typing import NamedTuple

from services.gateway.forms import Sent
from services.gateway.words import Choice


class Question(NamedTuple):
    """One question. `kind`: text, date, month, number, area, select, radio, checkbox or tick; what one chooses among is in `options`."""

    kind: str
    name: str
    label: str
    options: tuple[Choice, ...] = ()
    help: str = ""
    empty: str = "Välj"
    """What a list says before something is chosen."""


class Group(NamedTuple):
    """Questions that only some cases need: folded until one of them has an answer, unless there is a reason to look at them."""

    heading: str
    help: str
    questions: tuple[Question, ...]
    unfolded: bool = False

    def is_open(self, said: Sent) -> bool:
        """Something is answered here, or wrong here, or to be looked at."""
        return self.unfolded or any(said.text(question.name) or question.name in said.faults for question in self.questions)


def answers(said: Sent, questions: Iterable[Question]) -> list[tuple[str, str]]:
    """What was answered, in words; questions without an answer are left out."""
    found = []
    for question in questions:
        words = dict(question.options)
        if question.kind == "tick":
            value = "Ja" if said.text(question.name) else ""
        else:
            value = ", ".join(words.get(text, text) for text in said.all(question.name))
        if value:
            found.append((question.label, value))
    return found
