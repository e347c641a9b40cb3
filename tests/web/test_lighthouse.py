"""Lighthouse's figures for the pages that people meet first, as on a desktop and as on a slow phone."""

import json

from tests.programs import ROOT
from tests.web import judges
from tests.web.catalogue import COORDINATOR, INVESTIGATOR, LANDLORD, NOBODY
from tests.web.visits import Visits

PAGES = {"start": (NOBODY, "/"), "work": (INVESTIGATOR, "/"), "flag": (INVESTIGATOR, "/utbetalningar/ny"), "report": (LANDLORD, "/anmalan")}
PAGES["operations"] = (COORDINATOR, "/")
PROFILES = ("desktop", "mobile")
SCORE_MIN = 0.95
REPORT = ROOT / "build" / "lighthouse.json"


def test_the_first_pages_are_fast_and_accessible(visits: Visits) -> None:
    """Performance is told in the report and not held: it is reckoned from the time that this machine took, busy or not."""
    asked = [(name, profile) for name in PAGES for profile in PROFILES]
    questions = [
        {"url": f"{visits.address}{PAGES[name][1]}", "cookie": visits.cookie(PAGES[name][0]), "profile": profile} for name, profile in asked
    ]
    found = {f"{name} {profile}": answer for (name, profile), answer in zip(asked, judges.scores(questions), strict=True)}
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(found, indent=1), encoding="utf-8")
    for name, answer in found.items():
        print(name, answer["performance"], answer["accessibility"], *answer["weak"])  # noqa: T201  # the report
    assert {name: answer["url"] for name, answer in found.items() if not answer["url"].endswith(PAGES[name.split()[0]][1])} == {}
    assert {name: answer["accessibility"] for name, answer in found.items() if answer["accessibility"] < SCORE_MIN} == {}
