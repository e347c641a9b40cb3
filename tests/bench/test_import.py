import pytest

from bench.import_rows import run


def test_an_import_is_measured_beside_a_copy_of_the_same_cells() -> None:
    found = run(200, rounds=1)
    assert found.name == "import"
    assert 0 < found.ours < found.bare
    assert found.ratio == pytest.approx(found.ours / found.bare, abs=0.01)
