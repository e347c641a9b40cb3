"""The law as data and two pure functions over it: choose a ground, and minimise (sharing-matrix 1 and 5)."""

from services.sharing.legal.answer import Answer, LeftOut, Question, choose, minimise
from services.sharing.legal.data import Ground, Matter, Subject
from services.sharing.legal.load import Law, LawError, Reason, law, load_law

__all__ = [
    "Answer",
    "Ground",
    "Law",
    "LawError",
    "LeftOut",
    "Matter",
    "Question",
    "Reason",
    "Subject",
    "choose",
    "law",
    "load_law",
    "minimise",
]
