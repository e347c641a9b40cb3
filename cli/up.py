"""`los up`: the local stack, until Ctrl-C or SIGTERM."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import typer

from cli.common import DATA, Data, say
from infra import stack

app = typer.Typer(help="Starta PostgreSQL, Kafka och alla tjänster; kör tills den stoppas.")

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """The user, or the system, wants us to stop."""


@app.command()
def up_command(data: Data = DATA) -> None:
    """Starta PostgreSQL, Kafka och alla tjänster, skriv adresserna och kör tills den stoppas."""
    raise typer.Exit(up(data))


def up(data: Path) -> int:
    """Start everything in `data`, print the addresses on stdout, run until stopped. Gives the exit code: 0, or 3 when a part is missing."""
    try:
        with stoppable(), stack.start(data, say) as running:
            lines = [f"  {name:<10}{address}" for name, address in running.addresses.items()]
            print("\n".join([f"los är igång i {running.folder.root}", *lines]), flush=True)
            say("Avsluta med Ctrl-C.")
            running.wait()
    except Stopped:
        say("Allt är stoppat.")
    except stack.StackProblem as problem:
        say(str(problem))
        return 3
    return 0


@contextmanager
def stoppable() -> Iterator[None]:
    """Turn the first signal into `Stopped`; later ones change nothing, since we are stopping already."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        say("Stoppar …")
        raise Stopped

    before = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
