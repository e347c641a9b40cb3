from bench.harness import alternate


def test_the_figure_is_the_median_and_the_ratio_is_of_the_medians() -> None:
    ours, bare = iter([10.0, 30.0, 20.0]), iter([40.0, 80.0, 10.0])
    assert alternate("x", lambda: next(ours), lambda: next(bare)) == ("x", 20.0, 40.0, 0.5)


def test_rounds_alternate_so_that_a_slow_moment_meets_both() -> None:
    order: list[str] = []

    def measure(which: str) -> float:
        order.append(which)
        return 1.0

    alternate("x", lambda: measure("ours"), lambda: measure("bare"), rounds=2)
    assert order == ["ours", "bare", "ours", "bare"]
