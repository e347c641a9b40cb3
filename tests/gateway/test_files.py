"""Files on the pages: tried, read in, taken back whole; for officers, coordinators and landlords."""

import re
from pathlib import Path

import httpx2
import pytest

from infra import stack
from tests.gateway.browser import Browser

SAMPLES = Path(stack.__file__).parents[1] / "samples"
OBJECTS = (SAMPLES / "los_objekt.csv").read_text(encoding="utf-8").splitlines(keepends=True)


def sent(browser: Browser, name: str, content: bytes, **form: str) -> httpx2.Response:
    csrf = re.findall(r'name="csrf" value="([^"]+)"', browser.see("/filer").text)[0]
    return browser.upload("/filer", {"csrf": csrf} | form, name, content)


def counted(page: httpx2.Response) -> list[int]:
    assert page.status_code == 200, page.text
    return [int(number) for number in re.findall(r"(\d+) (?:rader? lästes|skulle bli|registrerade|fanns redan|finns redan)", page.text)]


def objects(*streets: str) -> bytes:
    """The sample's first row, at these streets."""
    header, first = OBJECTS[0], OBJECTS[1].split(";")
    place = OBJECTS[0].split(";").index("Adress")
    rows = [";".join([*first[:place], street, *first[place + 1 :]]) for street in streets]
    return "".join([header, *rows]).encode()


def undoable(browser: Browser) -> set[str]:
    """Where each file that was read in is taken back."""
    return set(re.findall(r'href="(/filer/[^"]+/angra)"', browser.see("/filer").text))


def test_a_coordinator_tries_a_file_reads_it_in_and_takes_it_back(browser: Browser) -> None:
    browser.sign_in("mos-samordnare-1")
    file = objects("Filvägen 1", "Filvägen 2")

    before = undoable(browser)
    tried = sent(browser, "objekt.csv", file, tried="1")
    assert counted(tried) == [2, 2, 0]
    assert "Inget är" in tried.text
    assert undoable(browser) == before

    assert counted(sent(browser, "objekt.csv", file)) == [2, 2, 0]
    (undo,) = undoable(browser) - before
    assert counted(sent(browser, "objekt.csv", file)) == [2, 0, 2]
    confirm = browser.see(undo)
    assert "kan inte göras ogjort" in confirm.text
    assert browser.send(confirm, {}).status_code == 303
    assert "Ångrad" in browser.see("/filer").text
    assert browser.send(confirm, {}).status_code == 303  # sent twice it is the same answer
    assert "redan ångrad" in browser.ask("POST", undo, form=again(confirm)).text
    assert counted(sent(browser, "objekt.csv", file)) == [2, 2, 0]


def again(page: httpx2.Response) -> dict[str, str]:
    """The form of a page that is seen anew: another request."""
    csrf = re.findall(r'name="csrf" value="([^"]+)"', page.text)[0]
    return {"csrf": csrf, "request_id": "6c8f1d0e-2f4b-4c57-9a34-0d5cf3b1f6aa"}


def test_an_investigator_reads_in_the_sample_in_both_forms(browser: Browser) -> None:
    browser.sign_in("iaf-utredare-1")
    rows = [
        counted(sent(browser, name, (SAMPLES / name).read_bytes(), tried="1"))[0]
        for name in ("iaf_utbetalningar.csv", "iaf_utbetalningar.xlsx")
    ]
    assert rows[0] == rows[1] > 30


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"a,b\n1,2\n"], ids=["empty", "a picture", "other columns"])
def test_a_file_that_cannot_be_read_is_refused_at_its_field(browser: Browser, content: bytes) -> None:
    browser.sign_in("mos-samordnare-1")
    page = sent(browser, "objekt.csv", content)
    assert page.status_code == 400
    assert "Filen är inte inläst" in page.text
    assert 'id="fel-file"' in page.text


def test_a_landlord_tries_a_list_without_the_declaration_and_nothing_is_received(browser: Browser) -> None:
    browser.sign_in("hyresvard-1")
    before = browser.see("/filer").text.count("/angra")
    csrf = re.findall(r'name="csrf" value="([^"]+)"', browser.see("/anmalan/lista").text)[0]
    page = browser.upload("/anmalan/lista", {"csrf": csrf, "tried": "1"}, "lista.csv", (SAMPLES / "fastighetsagare.csv").read_bytes())
    assert page.status_code == 200
    assert "skulle bli mottagna" in page.text
    assert browser.see("/filer").text.count("/angra") == before
