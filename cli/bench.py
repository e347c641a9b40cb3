"""`los bench`: us and the bare limit in the same run, as a ratio."""

import json
from importlib import import_module
from typing import Annotated

import typer

from cli.common import WRONG_USE, AsJson, part_down

app = typer.Typer()
NAMES = ("register", "decide", "relay", "end_to_end")


@app.command()
def bench(
    name: Annotated[str | None, typer.Argument(help=f"En av: {', '.join(NAMES)}. Utan namn: alla.", show_default=False)] = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Mät oss mot den nakna gränsen: omväxlande varv, medianen av tre."""
    if name is not None and name not in NAMES:
        typer.echo(f"{name}: mätningen finns inte. Välj någon av: {', '.join(NAMES)}.", err=True)
        raise typer.Exit(WRONG_USE)
    results = []
    for one in [name] if name else NAMES:
        try:
            run = import_module(f"bench.{one}").run
        except ModuleNotFoundError as missing:
            part_down(f"{missing.name} saknas. Mätningarna behöver utvecklingspaketen: make setup-dev")
        results.append(run())
    if as_json:
        print(json.dumps([dict(zip(("name", "ours", "bare", "ratio"), result, strict=True)) for result in results]))
        return
    print(f"{'mätning':<12}{'vi':>10}{'naket':>10}{'kvot':>8}")
    for which, ours, bare, ratio in results:
        print(f"{which:<12}{ours:>8.0f}/s{bare:>8.0f}/s{ratio:>8.2f}")
