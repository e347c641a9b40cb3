"""`los bench`: us and the bare limit in the same run, as a ratio."""

import json
from importlib import import_module
from typing import Annotated, Any

import typer

from cli.common import WRONG_USE, AsJson, part_down

app = typer.Typer()
MODULES = {"register": "register", "decide": "decide", "relay": "relay", "end_to_end": "end_to_end", "import": "import_rows"}
NAMES = tuple(MODULES)
GROWTH = "growth"
PAGES = "pages"


@app.command()
def bench(
    name: Annotated[
        str | None,
        typer.Argument(help=f"En av: {', '.join(NAMES)}; eller {GROWTH} eller {PAGES}. Utan namn: de första.", show_default=False),
    ] = None,
    sizes: Annotated[
        str, typer.Option(help="Antal ärenden som growth mäter vid, minst först; pages vid det största.")
    ] = "10000,100000,1000000",
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Mät oss mot den nakna gränsen: omväxlande varv, medianen av tre. Med growth: hur svarstiden växer med antalet ärenden."""
    if name in {GROWTH, PAGES}:
        (_growth if name == GROWTH else _pages)(_numbers(sizes), as_json=as_json)
        return
    if name is not None and name not in NAMES:
        typer.echo(f"{name}: mätningen finns inte. Välj någon av: {', '.join((*NAMES, GROWTH, PAGES))}.", err=True)
        raise typer.Exit(WRONG_USE)
    results = [_module(MODULES[one]).run() for one in ([name] if name else NAMES)]
    if as_json:
        print(json.dumps([dict(zip(("name", "ours", "bare", "ratio"), result, strict=True)) for result in results]))
        return
    print(f"{'mätning':<12}{'vi':>10}{'naket':>10}{'kvot':>8}")
    for which, ours, bare, ratio in results:
        print(f"{which:<12}{ours:>8.0f}/s{bare:>8.0f}/s{ratio:>8.2f}")


def _module(name: str) -> Any:  # noqa: ANN401  # a module
    try:
        return import_module(f"bench.{name}")
    except ModuleNotFoundError as missing:
        part_down(f"{missing.name} saknas. Mätningarna behöver utvecklingspaketen: make setup-dev")


def _numbers(sizes: str) -> list[int]:
    asked = sizes.split(",")
    if not all(size.isascii() and size.isdigit() and int(size) for size in asked):
        typer.echo("--sizes: ange hela tal med komma mellan, till exempel 10000,100000.", err=True)
        raise typer.Exit(WRONG_USE)
    return sorted({int(size) for size in asked})


def _pages(numbers: list[int], *, as_json: bool) -> None:
    results = _module(PAGES).run(numbers[-1])
    if as_json:
        print(json.dumps([one._asdict() for one in results]))
        return
    print(f"{'p95, ms':>10}{'tom sida':>10}{'kvot':>8}{'kB':>8}  sida")
    for one in results:
        print(f"{one.p95_ms:>10.1f}{one.bare_ms:>10.1f}{one.ratio:>8.2f}{one.size_kb:>8.1f}  {one.name}")


def _growth(numbers: list[int], *, as_json: bool) -> None:
    results = _module(GROWTH).run(numbers)
    if as_json:
        print(json.dumps([{"name": one.name, "p99_ms": one.p99_ms, "ratio": one.ratio} for one in results]))
        return
    print(f"{'p99, ms':<12}{''.join(f'{size:>12}' for size in numbers)}{'kvot':>8}")
    for one in results:
        print(f"{one.name:<12}{''.join(f'{one.p99_ms[size]:>12.1f}' for size in numbers)}{one.ratio:>8.2f}")
