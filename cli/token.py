"""`los token`: an access token for one of the demo's systems, to call the API with."""

from typing import Annotated

import typer

from cli.client import Stack
from cli.common import DATA, Data, say, wrong_use
from infra import systems
from infra.folder import Folder
from infra.provider import affiliation

app = typer.Typer(help="Ett åtkomstbevis för ett av demons system.")


@app.command()
def token(
    system: Annotated[str | None, typer.Argument(help="Systemets id i people.toml. Utan det: vilka som finns.", show_default=False)] = None,
    data: Data = DATA,
) -> None:
    """Skriv ett åtkomstbevis som gäller i tio minuter, för curl eller ett eget program."""
    running = Stack(data)
    known = ", ".join(running.systems)
    if system is None:
        wrong_use(f"Välj ett system: {known}.")
    if system not in running.systems:
        wrong_use(f"{system}: systemet finns inte. Välj något av: {known}.")
    say(f"Gränssnittet finns på {running.gateway}/los/v1 och beskrivs på {running.gateway}/los/v1/openapi.")
    print(systems.token(Folder(data), affiliation(running.systems[system])))
