from pathlib import Path

from infra.proto import PROTO, generate


def test_the_generated_code_is_what_the_compiler_makes_of_the_contract(tmp_path: Path) -> None:
    generate(tmp_path)
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*_pb2*.py*")}
    kept = {path.relative_to(PROTO): path.read_bytes() for path in PROTO.rglob("*_pb2*.py*") if path.suffix != ".pyc"}
    assert made.keys() == kept.keys()
    assert [str(path) for path in sorted(made) if made[path] != kept[path]] == [], "run `make proto`"


def test_no_package_marker_lies_directly_under_proto() -> None:
    assert not (PROTO / "__init__.py").exists()
