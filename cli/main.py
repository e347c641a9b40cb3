"""The command `los`. Each command lives in a module of its own, read only when it is asked for."""

import importlib
import sys
from collections.abc import Mapping
from typing import NamedTuple

import typer

ABOUT = "los: registrera, besluta och dela minsta möjliga del av en uppgift, bara med stöd i lag."


class _Command(NamedTuple):
    module: str
    help: str


COMMANDS: Mapping[str, _Command] = {
    "up": _Command("cli.up", "Starta PostgreSQL, Kafka och alla tjänster; kör tills den stoppas."),
    "demo": _Command("cli.demo", "Gå hela vägen med exempelfilerna och demons personer."),
    "import": _Command("cli.import_file", "Läs in en fil: alerts, payments eller objects."),
    "partner": _Command("cli.partner", "Partnerns sida: läs, ta emot och prova det som kommunen skickar."),
    "legal": _Command("cli.legal", "Lagens grunder, och svar på om en uppgift får lämnas."),
    "token": _Command("cli.token", "Ett åtkomstbevis för ett av demons system, att anropa gränssnittet med."),
    "bench": _Command("cli.bench", "Mät oss mot den nakna gränsen, i samma körning."),
}


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 the answer is no, 2 wrong use, 3 a part is missing or down."""
    app = typer.Typer(help=ABOUT, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    asked = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
    for name, row in COMMANDS.items():
        # Only the module that is asked for is read: `los legal` starts no Kafka client.
        found = importlib.import_module(row.module).app if name == asked else typer.Typer()
        if len(found.registered_commands) == 1 and not found.registered_callback:
            app.command(name, help=row.help)(found.registered_commands[0].callback or main)
        elif name == asked:
            app.add_typer(found, name=name, help=row.help)
        else:
            app.command(name, help=row.help)(lambda: None)
    app()


if __name__ == "__main__":
    main()
