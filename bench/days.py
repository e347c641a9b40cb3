"""Made-up days of an operation over Linköping kommun, the same for the same seed."""

import random
from uuid import UUID

from services.controls.domain.day import Crew, Day, Place, Stop, Travel
from services.controls.domain.opening_hours import Window, settings

TOWN = Place(6_474_000, 536_000)
HOURS: tuple[tuple[Window, ...] | None, ...] = (
    ((8 * 60, 17 * 60),),
    ((10 * 60, 19 * 60),),
    ((11 * 60, 23 * 60),),
    ((17 * 60, 26 * 60),),
    ((11 * 60, 14 * 60), (17 * 60, 22 * 60)),
    None,
)
AUTHORITIES = ("skatteverket-beskattning", "kronofogden", "polismyndigheten", "arbetsmiljoverket", "raddningstjanst")


def made_up_day(seed: int) -> Day:
    """4–12 visits, most in town and some over the whole kommun (about 50 by 40 km), 1–3 crews, authorities that come and go."""
    chance = random.Random(seed)  # noqa: S311  # not a secret
    begins, minutes = chance.choice(((9 * 60, 480), (13 * 60, 480), (16 * 60, 480), (10 * 60, 360)))

    def after(window: Window) -> Window:
        return window[0] - begins, window[1] - begins

    def place() -> Place | None:
        if chance.random() < 0.05:  # noqa: PLR2004
            return None
        north, east = (3_500, 4_500) if chance.random() < 0.75 else (25_000, 20_000)  # noqa: PLR2004
        return Place(round(chance.uniform(-north, north)) + TOWN.north_m, round(chance.uniform(-east, east)) + TOWN.east_m)

    coming = chance.sample(AUTHORITIES, chance.randint(2, 4))
    crews = []
    for number in range(chance.randint(1, 3)):
        has = frozenset(coming if number == 0 else chance.sample(coming, chance.randint(1, len(coming))))
        crews.append(Crew(f"Lag {number + 1}", has, chance.randint(2, 5)))
    available: dict[str, tuple[Window, ...]] = {}
    for kind in coming:
        if chance.random() < 0.5:  # noqa: PLR2004
            since = chance.randrange(0, minutes // 2, 15)
            available[kind] = ((since, chance.randrange(since + 120, minutes + 121, 15)),)
    stops = []
    for _ in range(chance.randint(4, 12)):
        hours = chance.choice(HOURS)
        needs = frozenset(chance.sample(coming, chance.choice((0, 1, 1, 2))))
        windows = None if hours is None else tuple(after(window) for window in hours)
        stops.append(
            Stop(UUID(int=chance.getrandbits(128)), place(), chance.choice((30, 45, 60, 90)), windows, needs, chance.choice((1, 2)))
        )
    visits_max = chance.choice((20, 20, 20, 8))
    return Day(minutes, TOWN, tuple(stops), tuple(crews), available, Travel(**settings()["travel"]), visits_max)
