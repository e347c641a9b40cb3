from bench.growth import run


def test_growth_is_measured_for_each_question_at_each_size() -> None:
    found = run((1_000, 10_000), rounds=1, calls=20)

    assert [one.name for one in found][:4] == ["register", "get", "look_up", "list"]
    assert all(set(one.p99_ms) == {1_000, 10_000} and min(one.p99_ms.values()) > 0 for one in found)
    assert all(one.ratio == round(one.p99_ms[10_000] / one.p99_ms[1_000], 2) for one in found)
