"""`los partner`: what an agency runs. Needs the agency's folder and nothing else: no data folder, no environment.

What the kommun does with an agency (`add`, `rotate`, `disable`) is in `cli.agencies`, under the same name.
"""

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from cli.agencies import COMMANDS as AGENCY_COMMANDS
from cli.agencies import Agency
from cli.common import DATA, NO, PART_DOWN, WRONG_USE, AsJson, Data, say, wrong_use
from partner import check as conformance
from partner import kit as kits
from partner.broker import BrokerProblem
from partner.consumer import Consumer, Counts, Withheld, listen
from partner.database import DatabaseProblem
from partner.envelope import Opened
from partner.feedback import InvitationAnswer, Role
from partner.inbox import DEAD_LETTERS_MAX, DeadLettersFullError, Inbox
from partner.jose import EXPLANATIONS
from partner.judge import judged
from partner.kit import Kit, KitError
from partner.polling import place
from partner.receiver import Receiver
from partner.reference import ReferencePartner, demo_answer, function_mailbox

app = typer.Typer(name="partner", help="Partnerns sida: läs, ta emot och prova det som kommunen skickar.", no_args_is_help=True)

_KitFolder = Annotated[Path | None, typer.Option("--kit", help="Partnermappen. Utan den: DATA/partners/AGENCY.", show_default=False)]
_UntilIdle = Annotated[
    float | None,
    typer.Option("--until-idle", min=0, help="Sluta när allt är läst och inget nytt har kommit på så många sekunder."),
]
_Database = Annotated[
    str | None,
    typer.Option(help="Partnerns egen databas: en fil eller postgresql://… Utan den: inbox.db i partnermappen.", show_default=False),
]
for _name, _command in AGENCY_COMMANDS.items():
    app.command(_name)(_command)


class Answer(StrEnum):
    """What the reference partner says to an invitation."""

    ACCEPTED = "accepted"
    DECLINED = "declined"


@app.command("listen")
def listen_command(
    agency: Agency,
    kit_folder: _KitFolder = None,
    data: Data = DATA,
    until_idle: _UntilIdle = None,
    as_json: AsJson = False,  # noqa: FBT002 - a flag of the command line
) -> None:
    """Visa allt som myndigheten har fått, från början. Ändrar inget och svarar inte."""
    kit = _kit(agency, kit_folder, data)
    refused = 0
    with _stoppable() as stop, _problems_told():
        say(f"Läser {kit.share_topic} hos {kit.broker.bootstrap_servers} …")
        for record, found in listen(kit, stop, until_idle):
            if isinstance(found, Opened):
                typer.echo(json.dumps(_as_json(found), ensure_ascii=False) if as_json else _as_text(found))
            elif isinstance(found, Withheld):
                typer.echo(json.dumps(_withheld(found), ensure_ascii=False) if as_json else _withheld_text(found))
            else:
                refused += 1
                say(f"{place(record)}: {found.value}. {EXPLANATIONS[found]}")
    if refused:
        say(f"{refused} meddelanden kunde inte godtas.")
        raise typer.Exit(NO)


@app.command("run")
def run_command(
    agency: Agency,
    kit_folder: _KitFolder = None,
    data: Data = DATA,
    database: _Database = None,
    answer: Annotated[
        Answer | None,
        typer.Option(help="Svar på inbjudningar till kontroll. Utan det: demonstrationens svar.", show_default=False),
    ] = None,
    role: Annotated[Role, typer.Option(help="Roll vid svaret accepted.")] = Role.ON_SITE,
    control_ground: Annotated[str | None, typer.Option(help="Egen kontrollgrund vid svaret accepted.", show_default=False)] = None,
    until_idle: _UntilIdle = None,
    as_json: AsJson = False,  # noqa: FBT002 - a flag of the command line
) -> None:
    """Kör referenspartnern: ta emot, spara, kvittera och svara på inbjudningar."""
    folder = kit_folder or data / "partners" / agency
    kit = _kit(agency, kit_folder, data)
    reply = demo_answer(agency)
    if answer is not None:
        accepted = answer is Answer.ACCEPTED
        reply = InvitationAnswer(role if accepted else None, control_ground if accepted else None, function_mailbox(agency))
    with _stoppable() as stop, _problems_told():
        inbox = Inbox.open(database or folder / "inbox.db")
        try:
            say(f"Tar emot från {kit.share_topic} hos {kit.broker.bootstrap_servers}. Avsluta med Ctrl-C.")
            receiver = Receiver(kit, inbox, ReferencePartner(kit, reply))
            counts = Consumer(kit, receiver, say).run(stop, until_idle)
        finally:
            inbox.close()
    if as_json:
        typer.echo(json.dumps(asdict(counts)))
    say(_summary(counts))


@app.command("dead-letters")
def dead_letters_command(
    agency: Agency,
    kit_folder: _KitFolder = None,
    data: Data = DATA,
    database: _Database = None,
    retry: Annotated[bool, typer.Option("--retry", help="Läs dem en gång till hos kommunens Kafka.")] = False,  # noqa: FBT002 - a flag
    clear: Annotated[bool, typer.Option("--clear", help="Glöm dem.")] = False,  # noqa: FBT002 - a flag
    number: Annotated[int | None, typer.Option("--number", min=1, help="Bara den raden i listan.", show_default=False)] = None,
) -> None:
    """Visa de meddelanden som har avvisats och lagts åt sidan; läs om dem eller glöm dem."""
    folder = kit_folder or data / "partners" / agency
    kit = _kit(agency, kit_folder, data)
    with _stoppable() as stop, _problems_told():
        inbox = Inbox.open(database or folder / "inbox.db")
        try:
            letters = [(at, one) for at, one in enumerate(inbox.dead_letters(), 1) if number in {None, at}]
            for at, letter in letters:
                typer.echo(f"{at}. {letter.refused_time:%Y-%m-%d %H:%M} UTC  {place(letter)}: {letter.code}. {EXPLANATIONS[letter.code]}")
            chosen = [letter for _, letter in letters]
            if retry:
                receiver = Receiver(kit, inbox, ReferencePartner(kit, demo_answer(agency)))
                say(_summary(Consumer(kit, receiver, say).retry(chosen, stop)))
            elif clear:
                for letter in chosen:
                    inbox.clear(letter)
                say(f"Glömda: {len(chosen)}.")
        finally:
            inbox.close()


def _summary(counts: Counts) -> str:
    return (
        f"Klart. Mottagna: {counts.handled}, redan kända: {counts.duplicates}, återkallade eller ersatta innan de lästes: "
        f"{counts.withdrawn}, avvisade: {counts.refused}, luckor: {counts.gaps}, skickade svar: {counts.answered}."
    )


@app.command("check")
def check_command(
    agency: Agency,
    program: Annotated[
        list[str] | None,
        typer.Argument(help="Efter --: mottagaren som ska provas. Den startas med sandlådans mapp sist.", show_default=False),
    ] = None,
    kit_folder: _KitFolder = None,
    data: Data = DATA,
    as_json: AsJson = False,  # noqa: FBT002 - a flag of the command line
) -> None:
    """Prova att mottagningen följer avtalet och att rättigheterna hos kommunens Kafka är de rätta.

    Utan PROGRAM provas referenspartnern. Med PROGRAM provas det, i sandlådan: vad det lämnar ut på standard ut och vad det svarar.
    """
    folder = kit_folder or data / "partners" / agency
    kit = _kit(agency, kit_folder, data)
    findings: list[conformance.Finding] = []
    with _problems_told():
        if program:
            try:
                findings += judged(folder / "sandbox", program, say)
            except OSError as error:
                wrong_use(f"Programmet gick inte att starta ({type(error).__name__}).")
        else:
            say("Provar mottagningen med nycklar som sedan kastas …")
            findings += conformance.consumer(kit, lambda own: ReferencePartner(own, demo_answer(own.agency)))
        say(f"Provar rättigheterna hos {kit.broker.bootstrap_servers} …")
        findings += conformance.rights(kit)
    wrong = [finding for finding in findings if not finding.right]
    if as_json:
        typer.echo(json.dumps([{"right": one.right, "text": one.text} for one in findings], ensure_ascii=False))
    else:
        for one in findings:
            typer.echo(f"{'rätt' if one.right else 'FEL '}  {one.text}")
    say(f"{len(findings)} prov, {len(wrong)} fel.")
    if wrong:
        raise typer.Exit(NO)


def _kit(agency: str, folder: Path | None, data: Path) -> Kit:
    folder = folder or data / "partners" / agency
    try:
        kit = kits.load(folder)
    except KitError as error:
        say(f"Partnermappen {folder} kan inte användas. {error}")
        raise typer.Exit(WRONG_USE) from None
    if kit.agency != agency:
        say(f"Partnermappen {folder} tillhör {kit.agency}, inte {agency}.")
        raise typer.Exit(WRONG_USE)
    return kit


@contextmanager
def _stoppable() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set; the work in hand is finished first."""
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _problems_told() -> Iterator[None]:
    """Say in one sentence what is wrong, and leave with the right code."""
    try:
        yield
    except BrokerProblem as problem:
        say(str(problem))
        raise typer.Exit(PART_DOWN) from None
    except KitError as error:
        say(f"Mappen kan inte användas. {error}")
        raise typer.Exit(WRONG_USE) from None
    except DatabaseProblem as problem:
        say(str(problem))
        raise typer.Exit(PART_DOWN) from None
    except DeadLettersFullError:
        say(
            f"{DEAD_LETTERS_MAX} meddelanden har avvisats. Någon måste se varför (los partner dead-letters) och läsa om "
            "eller glömma dem innan fler tas emot."
        )
        raise typer.Exit(NO) from None


def _as_json(opened: Opened) -> dict[str, Any]:
    event = opened.event
    return {
        "id": event.id,
        "type": event.type,
        "time": event.time.isoformat().replace("+00:00", "Z"),
        "key": event.key,
        "sequence": event.sequence,
        "aud": opened.receiver_kind,
        "disclosure_id": event.disclosure_id,
        "record_kind": opened.record_kind,
        "ground": opened.ground_id,
        "purpose": opened.purpose,
        "secrecy": list(opened.secrecy),
        "fields": dict(opened.fields),
    } | ({"replaces": list(opened.replaces)} if opened.replaces else {})


def _as_text(opened: Opened) -> str:
    time = opened.event.time.astimezone(ZoneInfo("Europe/Stockholm"))
    lines = [
        f"{time:%Y-%m-%d %H:%M} till {opened.receiver_kind}: {opened.record_kind}, grund {opened.ground_id}",
        f"  {opened.citation}. {opened.purpose}",
    ]
    lines += [f"  {name}: {'; '.join(value) if isinstance(value, list) else value}" for name, value in opened.fields.items()]
    return "\n".join(_printable(line) for line in lines)


def _withheld(found: Withheld) -> dict[str, Any]:
    """The place of what may not be shown, and why; a withdrawn record has no other keys."""
    event, by = found.event, found.withdrawal.replaced_by
    return {"id": event.id, "type": event.type, "key": event.key, "sequence": event.sequence, "disclosure_id": event.disclosure_id} | (
        {"withdrawn": "replaced", "replaced_by": by} if by else {"withdrawn": "recalled"}
    )


def _withheld_text(found: Withheld) -> str:
    time = found.event.time.astimezone(ZoneInfo("Europe/Stockholm"))
    return f"{time:%Y-%m-%d %H:%M} {found.event.record_kind}: visas inte. {EXPLANATIONS[found.withdrawal.code]}"


def _printable(text: str) -> str:
    """Text that a terminal shows and never obeys."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
