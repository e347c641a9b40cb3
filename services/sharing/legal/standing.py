"""How a ground stands in this kommun: on, off, outside or none, and why; by what ships and by what a jurist has opened."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from services.sharing.legal.data import Ground
from services.sharing.legal.load import Law
from services.sharing.legal.prepared import Route, Rule

Switch = Literal["on", "off", "outside", "none"]
_NO_FLOW = "Det finns inget flöde på den här grunden, och inget kan öppna den."
_OFF = "Grunden ger en möjlighet som är stängd tills kommunens jurist har beslutat att öppna den."
_OUTSIDE = "En person lämnar uppgiften utanför plattformen."


class Standing(NamedTuple):
    """How it stands, and a Swedish sentence of why it is not on; empty when it is."""

    switch: Switch
    why: str


class Laid(NamedTuple):
    """A flow as it lies on a ground: its routes, one for each receiver kind, and how they stand."""

    flow: str
    routes: tuple[Route, ...]
    switch: Switch


def standing(rule: Rule, opened: frozenset[str]) -> Standing:
    """How the ground stands. `opened` as in `choose`."""
    ground = rule.ground
    if not rule.automated:
        switch: Switch = "outside" if ground.automation.endswith("outside_platform") else "none"
        return Standing(switch, rule.why["automation"].text)
    if not ground.verified and ground.id not in opened:
        return Standing("off", rule.why["unverified"].text)
    found = {laid.switch for laid in flows_on(rule, opened)}
    if "on" in found:
        return Standing("on", "")
    if "outside" in found:
        return Standing("outside", _OUTSIDE)
    return Standing("off", _OFF) if found else Standing("none", _NO_FLOW)


def flows_on(rule: Rule, opened: frozenset[str]) -> Iterable[Laid]:
    """The flows that lie on the ground, in the order of their ids."""
    routes: dict[str, list[Route]] = {}
    for route in (route for found in rule.routes.values() for route in found):
        routes.setdefault(route.flow, []).append(route)
    for flow, found in sorted(routes.items()):
        ships = found[0].switch
        yield Laid(flow, tuple(found), "on" if ships == "off" and flow in opened else ships)


def versions(law: Law, ground: Ground) -> list[Ground]:
    """Every version of the same provision, oldest first."""
    found = [ground]
    while found[0].supersedes:
        found.insert(0, law.grounds[found[0].supersedes])
    while later := next((each for each in law.grounds.values() if each.supersedes == found[-1].id), None):
        found.append(later)
    return found
