"""What the commands have in common: the stack's folder, the exit codes, and a word to the person on standard error."""

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

Data = Annotated[Path, typer.Option("--data", envvar="LOS_DATA", help="Stackens datamapp.")]
DATA = Path(".los")
AsJson = Annotated[bool, typer.Option("--json", help="Skriv bara JSON på standard ut.")]
NO, WRONG_USE, PART_DOWN = 1, 2, 3
"""Exit codes (design 3); 0 is done."""


def say(text: str) -> None:
    """Tell the user what is going on, on stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def part_down(message: str) -> NoReturn:
    """End the command: a part is missing or down."""
    say(message)
    raise typer.Exit(PART_DOWN)


def wrong_use(message: str) -> NoReturn:
    """End the command: it was asked in a way that has no answer."""
    say(message)
    raise typer.Exit(WRONG_USE)
