import socket
from pathlib import Path

from infra.folder import Folder
from infra.ports import HOST, claim


def test_ports_are_remembered(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "data")
    first = claim(folder, ["a", "b"])
    assert first["a"] != first["b"]
    assert claim(folder, ["b", "a"]) == first


def test_a_port_that_somebody_else_has_taken_is_changed_and_the_others_kept(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "data")
    first = claim(folder, ["a", "b"])
    with socket.create_server((HOST, first["a"])):
        second = claim(folder, ["a", "b"])
    assert second["a"] != first["a"]
    assert second["b"] == first["b"]
    assert claim(folder, ["a", "b"]) == second


def test_two_parts_never_get_the_same_port(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "data")
    claim(folder, ["a"])
    folder.ports_file.write_text(f"a = {claim(folder, ['a'])['a']}\nb = {claim(folder, ['a'])['a']}\n")
    ports = claim(folder, ["a", "b"])
    assert ports["a"] != ports["b"]
