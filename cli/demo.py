"""`los demo`: the whole path with the demo's people, on real parts, and what arrived at each agency."""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any

import grpc
import typer
from los.sharing.v1 import sharing_pb2 as sharing

from cli.client import Session
from cli.client import Stack as Client
from cli.common import PART_DOWN, AsJson, say
from cli.import_file import KINDS, import_file
from cli.up import Stopped, stoppable
from cli.walk import COLLEAGUES, LEAD, Waited, Walk, reason_of
from infra import stack
from infra.folder import Folder
from infra.process import Command, launch, stop_left_over
from services.kernel.callers import Role
from services.kernel.errors import Failure
from services.kernel.reference import reference

app = typer.Typer()

SAMPLES = Path(__file__).parents[1] / "samples"
FILES = {"alerts": "fastighetsagare.csv", "payments": "iaf_utbetalningar.csv", "objects": "los_objekt.csv"}
IDLE_S = "1.5"
SEATS = (
    (Role.ALERT_OFFICER, "KLF"),
    (Role.APPROVER, "KLF"),
    (Role.FUT_INVESTIGATOR, "IAF"),
    (Role.APPROVER, "IAF"),
    (Role.FUT_MANAGER, "IAF"),
    (Role.LOS_COORDINATOR, "MOS"),
    (Role.INSPECTOR, COLLEAGUES),
)


@app.command()
def demo(
    samples: Annotated[Path, typer.Option(help="Mappen med exempelfilerna.", show_default=False)] = SAMPLES,
    once: Annotated[bool, typer.Option("--once", help="Stoppa allt och avsluta när vägen är gången.")] = False,  # noqa: FBT002
    data: Annotated[Path | None, typer.Option("--data", envvar="LOS_DATA", help="Datamapp. Utan den: en ny.")] = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Gå hela vägen med exempelfilerna: in, bedöm, besluta, skicka, kvittera."""
    folder = data or Path(tempfile.mkdtemp(prefix="los-demo-"))
    say(f"Datamapp: {folder}")
    try:
        with stoppable(), stack.start(folder, say) as running, partners(running.folder):
            summary = walk_through(folder, samples)
            print(json.dumps(summary, ensure_ascii=False) if as_json else as_text(summary), flush=True)
            if not once:
                say(f"Sidorna finns på {running.services['gateway'].url}: välj någon av demons personer.")
                lead = Client(folder).people.get(LEAD)
                say(f"En insats är bekräftad för i dag: {lead.name if lead else LEAD} leder den, på Dagens blad.")
                say(f"System anropar {running.services['gateway'].url}/los/v1 med ett åtkomstbevis: los token --data {folder}")
                say("Allt är igång tills du avslutar med Ctrl-C.")
                running.wait()
    except Stopped:
        say("Allt är stoppat.")
    except (stack.StackProblem, Waited, Failure) as problem:
        say(str(problem))
        raise typer.Exit(PART_DOWN) from None
    except grpc.RpcError as error:
        say(f"Ett steg gick inte: {reason_of(error)}")
        raise typer.Exit(PART_DOWN) from None


def walk_through(folder: Path, samples: Path) -> dict[str, Any]:
    """The whole path over a running stack, with the agencies' partners; the summary (design 3)."""
    client = Client(folder)
    agencies = [agency.code for agency in reference().agencies]
    with ExitStack() as opened:
        sessions = {seat: opened.enter_context(client.speaking_for(client.first(*seat))) for seat in SEATS}
        walk = Walk(sessions, say)
        imports = {name: _imported(client, name, samples / file) for name, file in FILES.items()}
        walk.prepare_today()
        operation_id = walk.plan_operation()
        walk.assess_alerts()
        walk.assess_payments()
        deciders = _deciders(sessions)
        for unit in ("KLF", "IAF", "MOS"):
            walk.share(unit, deciders[unit])
        walk.confirm_operation(operation_id)
        walk.share("MOS", deciders["MOS"])
        units = [sessions[seat] for seat in SEATS if seat[0] in {Role.ALERT_OFFICER, Role.FUT_INVESTIGATOR, Role.LOS_COORDINATOR}]
        walk.wait_for_receipts(units)
        disclosures = [row for session in units for row in walk.disclosures(session)]
    protected = sum(counts.get("accepted_protected", 0) for counts in imports.values())
    if protected:
        walk.found.stopped["Märkt som skyddad i förvaltningens egen fil: stoppad."] += protected
    no_channel = [row for row in disclosures if row.state == sharing.DISCLOSURE_STATE_NO_CHANNEL]
    return {
        "imports": imports,
        "agencies": _arrived(folder, agencies),
        "no_channel": len(no_channel),
        "refused": walk.found.refused.total(),
        "stopped": walk.found.stopped.total(),
        "tasks": sum(1 for row in disclosures if row.task),
        "reasons": {"refused": dict(walk.found.refused), "stopped": dict(walk.found.stopped)},
        "open_tasks": dict(Counter(row.task for row in disclosures if row.task)),
    }


def _imported(client: Client, kind: str, file: Path) -> dict[str, int]:
    say(f"Läser in {file.name} …")
    with client.speaking_for(KINDS[kind].default_person(client)) as session:
        return dict(Counter(row.result for row in import_file(session, KINDS[kind], file)))


def _deciders(sessions: Mapping[tuple[Role, str], Session]) -> dict[str, dict[str, tuple[Session, Session | None]]]:
    """Who decides first and second, per unit and record kind (sharing-matrix 8)."""
    investigator, second = sessions[Role.FUT_INVESTIGATOR, "IAF"], sessions[Role.APPROVER, "IAF"]
    return {
        "KLF": {"folkbokforing_alert": (sessions[Role.ALERT_OFFICER, "KLF"], sessions[Role.APPROVER, "KLF"])},
        "IAF": {"suspected_payment": (investigator, second), "police_report": (sessions[Role.FUT_MANAGER, "IAF"], None)},
        "MOS": {"control_invitation": (sessions[Role.LOS_COORDINATOR, "MOS"], None)},
    }


def _reader(home: Path, agency: str) -> subprocess.Popen[str]:
    """A partner's process: the agency's folder, an empty environment, nothing else."""
    words = [sys.executable, "-m", "cli.main", "partner", "listen", agency, "--kit", str(home), "--until-idle", IDLE_S, "--json"]
    return subprocess.Popen(words, env={}, text=True, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


@contextmanager
def partners(folder: Folder) -> Iterator[None]:
    """All agencies' reference partners, running: what is sent to them is received, and an invitation answered, also later."""
    say("Startar fyra partner, var och en med bara sin egen mapp …")
    with ExitStack() as stopped:
        for agency in reference().agencies:
            name = f"partner-{agency.code}"
            stop_left_over(folder, name)
            words = [sys.executable, "-m", "cli.main", "partner", "run", agency.code, "--kit", str(folder.partners / agency.code)]
            stopped.callback(launch(folder, Command(name, words, {})).stop)
        yield


def _arrived(folder: Path, agencies: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What each agency can open of its own topic, as its own program says."""
    say("Läser hos varje partner vad som kom fram …")
    readers = {agency: _reader(folder / "partners" / agency, agency) for agency in agencies}
    arrived = {}
    for agency, reader in readers.items():
        lines, _ = reader.communicate()
        events = {event["id"]: event for event in map(json.loads, lines.splitlines())}
        arrived[agency] = {
            "delivered": len(events),
            "by_ground": dict(sorted(Counter(event["ground"] for event in events.values()).items())),
            "fields": sorted({field for event in events.values() for field in event["fields"]}),
        }
    return arrived


RESULTS = {
    "accepted": "registrerade",
    "accepted_needs_review": "behöver ses över",
    "accepted_protected": "skyddade",
    "duplicate": "fanns redan",
    "rejected": "kunde inte registreras",
}


def as_text(summary: Mapping[str, Any]) -> str:
    """The summary as a person reads it."""
    lines = ["", "Inläst"]
    for name, counts in summary["imports"].items():
        parts = ", ".join(f"{counts[result]} {word}" for result, word in RESULTS.items() if counts.get(result))
        lines.append(f"  {FILES[name]}: {parts}")
    lines += ["", "Framme hos myndigheterna"]
    for code, arrived in summary["agencies"].items():
        lines.append(f"  {reference().agencies[code].word}: {arrived['delivered']} händelser")
        lines += [f"    grund {ground}: {count}" for ground, count in arrived["by_ground"].items()]
        lines += [f"    fält: {', '.join(arrived['fields'])}"] if arrived["fields"] else []
    for title, reasons in (
        ("Lämnas inte vidare", summary["reasons"]["refused"]),
        ("Stoppat", summary["reasons"]["stopped"]),
        ("Öppna uppgifter för en person", summary["open_tasks"]),
    ):
        lines += ["", title, *(f"  {count} × {reason}" for reason, count in reasons.items())]
        lines += [] if reasons else ["  inget"]
    return "\n".join(lines)
