"""Something to ask about: the first rows of the samples, and the demo's people at work, each taken request remembered."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from google.protobuf.message import Message

from cli.client import Session
from cli.demo import FILES, SEATS, _deciders
from cli.import_file import KINDS, import_file
from cli.walk import Walk
from tests.fuzz.asking import Everything
from tests.fuzz.pool import Pool

SAMPLES = Path(__file__).parents[2] / "samples"
ROWS = 12


class _Learning:
    """A stub that tells the pool what was asked and what was answered."""

    def __init__(self, stub: Any, pool: Pool) -> None:  # noqa: ANN401  # grpc's types are loose
        self._stub, self._pool = stub, pool

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = getattr(self._stub, name)

        def learned(request: Any, **how: Any) -> Any:  # noqa: ANN401
            if isinstance(request, Message):
                answer = call(request, **how)
                self._pool.learn(request)
                self._pool.learn(answer)
                return answer
            stream = list(request)
            self._pool.learn_stream(name, [one.SerializeToString() for one in stream])
            return call(iter(stream), **how)

        return learned


def teach(session: Session, pool: Pool) -> None:
    """The pool hears what this session says and is told."""
    for service in ("registry", "controls", "sharing"):
        setattr(session, service, _Learning(getattr(session, service), pool))


def begin(everything: Everything, scratch: Path) -> None:
    """A few of everything: alerts, payments, objects, an operation, offers, disclosures on their way."""
    client, pool = everything.client, everything.pool
    with ExitStack() as opened:
        sessions = {seat: opened.enter_context(client.speaking_for(client.first(*seat))) for seat in SEATS}
        for session in sessions.values():
            teach(session, pool)
        for name, file in FILES.items():
            beginning = scratch / f"{name}.csv"
            whole = (SAMPLES / Path(file).with_suffix(".csv")).read_bytes()
            beginning.write_bytes(b"\n".join(whole.split(b"\n")[: ROWS + 1]) + b"\n")
            with client.speaking_for(KINDS[name].default_person(client)) as session:
                teach(session, pool)
                import_file(session, KINDS[name], beginning)
        walk = Walk(sessions, lambda _: None)
        walk.plan_operation()
        walk.assess_alerts()
        walk.assess_payments()
        deciders = _deciders(sessions)
        for unit in ("KLF", "IAF", "MOS"):
            walk.share(unit, deciders[unit])
    everything.count_from_here()
