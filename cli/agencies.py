"""`los partner add`, `rotate` and `disable`: what the kommun does with an agency at a running stack's broker and with its keys.

Each may be run again: it makes things agree, and says so when nothing differs. `--dry-run` says what it would do and does nothing.
"""

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from cli.common import DATA, NO, PART_DOWN, AsJson, Data, say, wrong_use
from infra import kafka, rights, topics
from infra.folder import Folder, write, write_toml
from infra.key_files import KeysRefusedError
from infra.problem import StackProblem
from infra.rights import Difference, State

if TYPE_CHECKING:
    from infra.rotation import Rotation

OVERLAP_DAYS = 30
"""How long an old key still opens: longer than a topic keeps a record, and than an answer may be under way."""
LEAD_DAYS = 14
"""How long before its first use the kommun's own new key is published, so that every agency has time to fetch it."""
_LOGIN_S = 5.0

Agency = Annotated[str, typer.Argument(help="Myndigheten: skatteverket, forsakringskassan, kronofogden eller polisen.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Visa skillnaden och ändra inget.")]
_Overlap = Annotated[int, typer.Option("--overlap-days", min=0, help="Så många dagar gäller den gamla nyckeln vid sidan av den nya.")]
_PublicKeys = Annotated[
    Path | None,
    typer.Option("--public-keys", help="Myndighetens egna öppna nycklar (JWKS), i stället för demonstrationens.", show_default=False),
]


@dataclass(slots=True)
class _Desk:
    """A running stack, one of its agencies, and what differs."""

    folder: Folder
    agency: topics.Agency
    bootstrap_servers: str
    keys: "Rotation"
    lines: list[Difference] = field(default_factory=list)

    def admin(self, user: str = topics.ADMIN, **settings: object) -> KafkaAdminClient:
        return KafkaAdminClient(**kafka.client(self.folder, self.bootstrap_servers, user), **settings)

    def password(self, user: str) -> str:
        return self.folder.password(f"kafka-{user}")

    def may_log_in(self) -> bool:
        """Whether the broker takes the agency's password as it lies here."""
        try:
            self.admin(self.agency.name, bootstrap_timeout_ms=int(_LOGIN_S * 1000)).close()
        except KafkaError:
            return False
        return True


def add(
    agency: Agency,
    data: Data = DATA,
    public_keys: _PublicKeys = None,
    overlap_days: _Overlap = OVERLAP_DAYS,
    dry_run: _DryRun = False,  # noqa: FBT002 - a flag of the command line, as those below
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Ge en myndighet användare, ämnen, rättigheter, kvot och partnermapp; även en som har stängts av."""
    with _problems_told():
        desk = _desk(agency, data)
        if public_keys is not None:
            desk.keys.take_in(public_keys, timedelta(days=overlap_days))
        disabled = desk.folder.disabled() - {agency}
        with desk.admin() as admin:
            desk.lines = State.present(admin).of(agency).lacks(State.wanted(disabled).of(agency))
            new_password = not any(line.what == "user" for line in desk.lines) and not desk.may_log_in()
            if new_password:
                desk.lines.append(Difference("user", f"användare {agency}: lösenordet hos Kafka blir det som står i partnermappen"))
            if not dry_run:
                _remember(desk.folder, disabled)
                rights.arrange_agency(admin, agency, desk.password, disabled, new_password=new_password)
        desk.lines += _key_lines(desk)
        home, hand_over = _kit(desk, dry_run=dry_run)
    _tell(desk, "add", dry_run=dry_run, as_json=as_json, kit=str(home), hand_over=hand_over)
    if not dry_run and not as_json:
        say(f"Lämna över mappen {home}: {', '.join(hand_over)}.")
        say("private.jwks är demonstrationens: en riktig myndighet gör egna nycklar och lämnar bara de öppna (--public-keys).")


def rotate(
    agency: Agency,
    data: Data = DATA,
    password: Annotated[bool, typer.Option("--password", help="Nytt lösenord hos Kafka.")] = False,  # noqa: FBT002
    keys: Annotated[bool, typer.Option("--keys", help="Nytt nyckelpar för varje mottagarslag (demonstrationens).")] = False,  # noqa: FBT002
    public_keys: _PublicKeys = None,
    kommun_keys: Annotated[bool, typer.Option("--kommun-keys", help="Nya nycklar för kommunen själv.")] = False,  # noqa: FBT002
    revoke: Annotated[list[str] | None, typer.Option("--revoke", help="Spärra en nyckel (kid) nu.", show_default=False)] = None,
    overlap_days: _Overlap = OVERLAP_DAYS,
    lead_days: Annotated[
        int, typer.Option("--lead-days", min=0, help="Så många dagar i förväg lämnas kommunens nya nycklar ut.")
    ] = LEAD_DAYS,
    dry_run: _DryRun = False,  # noqa: FBT002
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Byt lösenord eller nycklar, med tid då både gammal och ny nyckel gäller, eller spärra en nyckel genast."""
    if not (password or keys or public_keys or kommun_keys or revoke):
        wrong_use("Säg vad som ska bytas: --password, --keys, --public-keys, --kommun-keys eller --revoke.")
    overlap = timedelta(days=overlap_days)
    with _problems_told():
        desk = _desk(agency, data)
        if keys:
            desk.keys.new_agency_keys(overlap)
        if public_keys is not None:
            desk.keys.take_in(public_keys, overlap)
        if kommun_keys:
            desk.keys.new_kommun_keys(timedelta(days=lead_days), overlap)
        for kid in revoke or ():
            desk.keys.revoke(kid)
        desk.lines = _key_lines(desk)
        if password:
            desk.lines.append(Difference("user", f"användare {agency}: nytt lösenord"))
        if not dry_run:
            desk.keys.write()
            if password:
                _new_password(desk)
    _tell(desk, "rotate", dry_run=dry_run, as_json=as_json, without_key=desk.keys.without_key())


def disable(
    agency: Agency,
    data: Data = DATA,
    dry_run: _DryRun = False,  # noqa: FBT002
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Stäng av en myndighet genast: användare, rättigheter och kvot tas bort och kommer inte tillbaka förrän med `add`."""
    with _problems_told():
        desk = _desk(agency, data)
        disabled = desk.folder.disabled() | {agency}
        with desk.admin() as admin:
            desk.lines = State.present(admin).of(agency).lacks(State.wanted(disabled).of(agency))
            if not dry_run:
                _remember(desk.folder, disabled)
                rights.arrange_agency(admin, agency, desk.password, disabled)
    _tell(desk, "disable", dry_run=dry_run, as_json=as_json)


_OWN = {"private.jwks", "inbox.db"}
"""What lies in a partner's folder and is the agency's own."""


def _desk(agency: str, data: Path) -> _Desk:
    """Raises StackProblem when no stack runs; ends the command when there is no such agency."""
    from infra.rotation import Rotation  # noqa: PLC0415 - needs the kommun's own parts, which a partner does not have

    found = next((one for one in topics.AGENCIES if one.name == agency), None)
    if found is None:
        wrong_use(f"Myndigheten {agency:.60} finns inte. Det finns: {', '.join(one.name for one in topics.AGENCIES)}.")
    try:
        stack: Mapping[str, Any] = tomllib.loads((data / "stack.toml").read_text(encoding="utf-8"))
    except OSError:
        message = f"Ingen stack är igång i {data}. Starta den med: los up --data {data}"
        raise StackProblem(message) from None
    folder = Folder(data)
    return _Desk(folder, found, stack["kafka"], Rotation(folder, found, datetime.now(UTC)))


def _key_lines(desk: _Desk) -> list[Difference]:
    return [Difference("keys", text) for text in desk.keys.lines()]


def _kit(desk: _Desk, *, dry_run: bool) -> tuple[Path, list[str]]:
    """The agency's folder, written unless it is a dry run, and the names of what is handed over."""
    from infra import secrets  # noqa: PLC0415 - as above

    home = desk.folder.partners / desk.agency.name
    if not dry_run:
        desk.keys.write()
        secrets.write_kit(desk.folder, desk.agency, desk.bootstrap_servers)
    return home, sorted(path.name for path in home.iterdir() if path.name not in _OWN)


def _new_password(desk: _Desk) -> None:
    """The files first: what stops half-way is set right by `add`, or by the next start."""
    from infra import secrets  # noqa: PLC0415 - as above

    password = secrets.new_password()
    write(desk.folder.password_file(f"kafka-{desk.agency.name}"), password)
    write(desk.folder.partners / desk.agency.name / "password", password)
    with desk.admin() as admin:
        rights.arrange_agency(admin, desk.agency.name, desk.password, desk.folder.disabled(), new_password=True)


def _remember(folder: Folder, disabled: frozenset[str]) -> None:
    if disabled != folder.disabled():
        write_toml(folder.disabled_file, {"agencies": sorted(disabled)})


def _tell(desk: _Desk, act: str, *, dry_run: bool, as_json: bool, without_key: list[str] | None = None, **more: object) -> None:
    if as_json:
        changes = [{"what": line.what, "text": line.text} for line in desk.lines]
        answer = {"agency": desk.agency.name, "act": act, "dry_run": dry_run, "changes": changes, "without_key": without_key or []}
        typer.echo(json.dumps(answer | more, ensure_ascii=False))
        return
    for line in desk.lines:
        typer.echo(line.text)
    for kind in without_key or ():
        say(f"Varning: {kind} har ingen giltig nyckel. Det som ska skickas väntar tills en ny finns.")
    if not desk.lines:
        say(f"Inget skiljer för {desk.agency.name}.")
    elif dry_run:
        say(f"Skillnader: {len(desk.lines)}. Inget är ändrat (--dry-run).")
    else:
        say(f"Ändringar gjorda för {desk.agency.name}: {len(desk.lines)}.")


@contextmanager
def _problems_told() -> Iterator[None]:
    try:
        yield
    except KeysRefusedError as refused:
        say(str(refused))
        raise typer.Exit(NO) from None
    except StackProblem as problem:
        say(str(problem))
        raise typer.Exit(PART_DOWN) from None
    except KafkaError as error:
        say(f"Kafka gör inte vad den ska ({type(error).__name__}). Är stacken igång?")
        raise typer.Exit(PART_DOWN) from None


COMMANDS: Mapping[str, Callable[..., None]] = {"add": add, "rotate": rotate, "disable": disable}
