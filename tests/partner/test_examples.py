"""The consumers of partner/examples, in five ways, judged by `los partner check` on the real broker; and the judge itself."""

from collections.abc import Callable, Sequence
from pathlib import Path
from sys import executable

import pytest

from infra.kafka import Kafka
from partner import judge, sandbox
from partner.check import Finding
from partner.envelope import CONTENT_TYPE
from partner.jose import Code, Refused
from partner.receiver import utc_now
from tests.programs import ROOT, built, require

EXAMPLES = ROOT / "partner" / "examples"


def python() -> Sequence[str]:
    return [executable, str(EXAMPLES / "python" / "consumer.py")]


def python_sdk() -> Sequence[str]:
    return [executable, str(EXAMPLES / "python-sdk" / "consumer.py")]


def node() -> Sequence[str]:
    program = require("node", "npm")
    sources = [EXAMPLES / "node" / name for name in ("package.json", "package-lock.json", "consumer.mjs")]
    folder = built("example-node", sources, lambda _: [["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]])
    return [program, str(folder / "consumer.mjs")]


def go() -> Sequence[str]:
    require("go")
    sources = [EXAMPLES / "go" / name for name in ("go.mod", "go.sum", "main.go")]
    return [str(built("example-go", sources, lambda _: [["go", "build", "-o", "consumer", "."]]) / "consumer")]


def java() -> Sequence[str]:
    program = require("java", "javac", "mvn")
    sources = [EXAMPLES / "java" / "pom.xml", EXAMPLES / "java" / "src" / "main" / "java" / "Consumer.java"]
    folder = built(
        "example-java",
        sources,
        lambda folder: [
            ["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={folder / 'lib'}"],
            ["javac", "-cp", f"{folder / 'lib'}/*", "-d", str(folder / "classes"), "Consumer.java"],
        ],
    )
    return [program, "-cp", f"{folder / 'lib'}/*:{folder / 'classes'}", "Consumer"]


def judged(kafka: Kafka, agency: str, words: Sequence[str]) -> list[Finding]:
    return list(judge.judged(kafka.folder.partners / agency / "sandbox", words, print))


def wrong(findings: list[Finding]) -> list[str]:
    return [finding.text for finding in findings if not finding.right]


@pytest.mark.parametrize("example", [python, node, go, java], ids=lambda example: example.__name__)
def test_a_consumer_that_is_not_built_on_ours_passes(kafka: Kafka, example: Callable[[], Sequence[str]]) -> None:
    findings = judged(kafka, "skatteverket", example())

    assert len(findings) > 40
    assert wrong(findings) == []


def test_the_consumer_with_the_sdk_passes(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    assert wrong(judged(kafka, "skatteverket", python_sdk())) == []


FAULTS = {
    "takes what is forged": ('raise Refused("signature_invalid") from None', "pass", "fel nyckel i kommunens namn"),
    "hands out what is recalled further on": ("\nlook_ahead()\n", "\n", "som är återkallad längre fram"),
    "never commits": ("    consumer.commit(message, asynchronous=False)\n", "", "läget i konsumentgruppen"),
    "forgets what it has handled": (
        '"SELECT 1 FROM handled WHERE id = ?"',
        '"SELECT 1 FROM handled WHERE id = ? AND 0"',
        "ett riktigt meddelande",
    ),
}


TELLING = (
    "alg none",
    "HS256",
    "vars signatur har innehållet i sig",
    "vars signatur säger mer än alg och kid",
    "en okänd nyckel",
    "signerat med en nyckel som har slutat gälla",
    "signerat med en nyckel som är spärrad",
    "fel nyckel i kommunens namn",
    "ändrat på vägen",
    "för stort",
    "okänt meddelandehuvud",
    "något annat än ett CloudEvent",
    "ett CloudEvent av en annan version",
    "något annat än JSON",
    "annan Kafka-nyckel",
    "från en annan avsändare",
    "sista dag har passerat",
    "egen nyckel som har slutat gälla",
    "egen nyckel som är spärrad",
    "avsett för en annan mottagare",
    "hör till ett annat utlämnande",
    "av ett annat slag",
    "ett fält som inte är text",
    "säger sig ersätta något",
    "återkallelse med ett innehåll",
    "äldre än det sista",
)
"""What the report names, of the samples that a consumer without any check takes."""


@pytest.mark.parametrize("fault", FAULTS)
def test_the_judge_sees_a_consumer_that(kafka: Kafka, tmp_path: Path, fault: str) -> None:
    right, broken, named = FAULTS[fault]
    source = (EXAMPLES / "python" / "consumer.py").read_text()
    assert source.count(right) == 1
    (tmp_path / "consumer.py").write_text(source.replace(right, broken))

    findings = wrong(judged(kafka, "kronofogden", [executable, str(tmp_path / "consumer.py")]))

    assert any(named in text.lower() for text in findings), findings


def test_each_bad_sample_tells_on_a_consumer_that_checks_nothing(kafka: Kafka, tmp_path: Path) -> None:
    source = (EXAMPLES / "python" / "consumer.py").read_text()
    for check in ("    if not holds:\n", '        raise Refused("signature_invalid") from None\n'):
        assert source.count(check) == 1
    blind = source.replace("    if not holds:\n", "    if False:\n").replace(
        '        raise Refused("signature_invalid") from None\n', "        pass\n"
    )
    # What it cannot read at all it leaves.
    blind = blind.replace("    take(message)\n", "    try:\n        take(message)\n    except Exception:\n        pass\n")
    blind = blind.replace("            except Refused:\n", "            except Exception:\n")
    # With no key of that name the first of the kommun's is as good as any.
    blind = blind.replace('key["kid"] == header["kid"]), None)', 'key["kid"] == header.get("kid")), KOMMUN[0])')
    (tmp_path / "consumer.py").write_text(blind)

    findings = "\n".join(wrong(judged(kafka, "kronofogden", [executable, str(tmp_path / "consumer.py")])))

    assert [words for words in TELLING if words not in findings] == []


def test_the_judge_waits_no_longer_for_a_consumer_that_has_stopped(kafka: Kafka) -> None:
    findings = judged(kafka, "polisen", [executable, "-c", "print('hej')"])

    assert "Mottagaren svarar på allt som den ska svara på i tid." in wrong(findings)
    assert any("1 oläsliga rader" in text or "2 oläsliga rader" in text for text in wrong(findings))


# Bytes that are no UTF-8, and an id that is no text.
_NO_LINES = r"""
import sys
line = b'{"event_id": [], "disclosure_id": "", "record_kind": "", "change": "", "receiver_kind": "", "fields": {}}\n'
sys.stdout.buffer.write(b"\xff\n" + line)
"""


def test_the_judge_counts_what_is_no_line_and_reads_on(kafka: Kafka) -> None:
    findings = judged(kafka, "polisen", [executable, "-c", _NO_LINES])

    assert any("2 oläsliga rader" in text or "4 oläsliga rader" in text for text in wrong(findings))


def test_an_answer_whose_signature_is_nothing_is_refused_by_the_sandbox(kafka: Kafka) -> None:
    box = sandbox.load(kafka.folder.partners / "polisen" / "sandbox")

    with pytest.raises(Refused) as refused:
        box.answer(b"", b"{}", [("content-type", CONTENT_TYPE), ("los-signature", None)], utc_now())  # type: ignore[list-item]

    assert refused.value.code is Code.SIGNATURE_FORM
