"""What `los partner` says and does about what was recalled and what was set aside, with either database."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

from partner.kit import Kit
from tests.partner.builders import a_content
from tests.partner.kommun import DEADLINE_S, Kommun, now_event
from tests.partner.test_real_broker import command

KIND = "polismyndigheten"
CANARY = "Kanarie Fågelsson"


def folder_of(kommun: Kommun, kit: Kit, to: Path) -> None:
    """The agency's folder with the test's own topic and group."""
    shutil.copytree(kommun.kafka.folder.partners / "polisen", to)
    text = (to / "partner.toml").read_text(encoding="utf-8")
    text = re.sub(r"share_topic = .*", f'share_topic = "{kit.share_topic}"', text)
    text = re.sub(r"group_prefix = .*", f'group_prefix = "{kit.group_prefix}"', text)
    (to / "partner.toml").write_text(text, encoding="utf-8")


def test_the_command_line_with_what_is_recalled_missing_and_set_aside(kommun: Kommun, own_kit: Kit, address: str, tmp_path: Path) -> None:
    folder_of(kommun, own_kit, tmp_path / "kit")
    original = now_event(KIND)
    late = now_event(KIND, sequence=3)
    recall = replace(now_event(KIND), key=original.key, disclosure_id=original.disclosure_id, change="recalled", sequence=2)
    kommun.send(original, content=a_content(original, {"subject.full_name": CANARY}), topic=own_kit.share_topic)
    kommun.producer.send(own_kit.share_topic, value=b"x").get(DEADLINE_S)
    kommun.send(late, topic=own_kit.share_topic)
    kommun.send(recall, content=a_content(recall, {}), topic=own_kit.share_topic)

    ran = command(tmp_path, "run", "polisen", "--kit", "kit", "--database", address, "--until-idle", "0.5", "--json")

    assert json.loads(ran.stdout) == {"handled": 2, "duplicates": 0, "withdrawn": 1, "refused": 1, "gaps": 1, "answered": 3}
    assert f"Ärende {late.key}: nummer 1\N{EN DASH}2 har inte kommit." in ran.stderr

    shown = command(tmp_path, "dead-letters", "polisen", "--kit", "kit", "--database", address)
    assert re.match(r"1\. \d{4}-\d\d-\d\d \d\d:\d\d UTC  ", shown.stdout)
    assert f"{own_kit.share_topic}, partition 0, nummer 1: header_missing." in shown.stdout
    retried = command(tmp_path, "dead-letters", "polisen", "--kit", "kit", "--database", address, "--retry")
    assert "avvisade: 1" in retried.stderr
    cleared = command(tmp_path, "dead-letters", "polisen", "--kit", "kit", "--database", address, "--clear")
    assert "Glömda: 1." in cleared.stderr
    assert command(tmp_path, "dead-letters", "polisen", "--kit", "kit", "--database", address).stdout == ""

    listened = command(tmp_path, "listen", "polisen", "--kit", "kit", "--until-idle", "0.5", "--json")
    rows = {row["id"]: row for row in map(json.loads, listened.stdout.splitlines())}
    assert rows[str(original.id)] == {
        "id": str(original.id),
        "type": f"se.los.{original.record_kind}.shared.v1",
        "key": str(original.key),
        "sequence": 1,
        "disclosure_id": str(original.disclosure_id),
        "withdrawn": "recalled",
    }
    as_text = command(tmp_path, "listen", "polisen", "--kit", "kit", "--until-idle", "0.5")
    assert "visas inte. Uppgiften är återkallad av kommunen." in as_text.stdout
    assert CANARY not in "".join(one.stdout + one.stderr for one in (ran, shown, retried, cleared, listened, as_text))
