import io
import json
from pathlib import Path

import pytest
import structlog

from services.kernel.config import DatabaseConfig, load
from services.kernel.errors import Invalid
from services.kernel.log import ALLOWED, configure, log, place_of

GOOD = 'database_url = "postgresql://registry@127.0.0.1:1/los"\ndatabase_password_file = "p"\n'


def written(path: Path, text: str) -> Path:
    file = path / "registry.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_file_becomes_a_model_with_good_defaults(tmp_path: Path) -> None:
    config = load(written(tmp_path, GOOD), DatabaseConfig)
    assert config.environment == "production"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD + 'secret_word = "hemligt"\n', "secret_word: extra_forbidden"),
        (GOOD + 'environment = "hemligt"\n', "environment: literal_error"),
        ("", "database_url: missing"),
        ("hemligt", "filen går inte att läsa"),
    ],
)
def test_a_fault_is_told_by_file_and_key_and_never_by_value(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(Invalid) as told:
        load(written(tmp_path, text), DatabaseConfig)
    assert told.value.message.startswith("registry.toml: ")
    assert said in told.value.message
    assert "hemligt" not in told.value.message


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"missing\.toml"):
        load(tmp_path / "missing.toml", DatabaseConfig)


def test_a_model_is_never_changed(tmp_path: Path) -> None:
    config = load(written(tmp_path, GOOD), DatabaseConfig)
    with pytest.raises(ValueError, match="frozen"):
        config.environment = "local"  # type: ignore[misc]  # that is the question


def test_a_log_line_holds_only_the_keys_on_the_list(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", io.StringIO())
    before = structlog.get_config()
    try:
        configure("registry")
        out = io.StringIO()
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(out), cache_logger_on_first_use=False)
        log.bind().warning("record_offered", key="k-1", personnummer="hemligt", name="hemligt\x1b[2J\n")
    finally:
        structlog.configure(**before)
        structlog.contextvars.clear_contextvars()
    line = out.getvalue()
    assert set(json.loads(line)) <= ALLOWED
    assert json.loads(line)["key"] == "k-1"
    assert "hemligt" not in line
    assert line.count("\n") == 1
    assert "hemligt" not in capsys.readouterr().out


def test_the_place_of_an_error_is_a_file_and_a_line_and_not_its_text() -> None:
    with pytest.raises(ValueError, match="hemligt") as raised:
        int("hemligt")
    assert place_of(raised.value).startswith("test_config_and_log.py:")
