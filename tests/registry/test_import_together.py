"""Rows of a file that are registered in one transaction: as each by itself."""

from concurrent.futures import ThreadPoolExecutor

from services.kernel.table_file import TableFile
from services.registry.domain import payment
from tests.registry.conftest import Registry
from tests.registry.test_import_service import alerts, payments, said, sample, table_of


def test_two_files_with_the_same_rows_at_once_register_each_row_once(registry: Registry) -> None:
    one = table_of(*({"Lgh-nr (folkbokf.)": f"1{number:03d}"} for number in range(1, 121)))
    other = TableFile(one.header, tuple(enumerate((cells for _, cells in reversed(one.rows)), 1)))
    with ThreadPoolExecutor(2) as pool:
        answers = [answer for found in pool.map(lambda table: alerts(registry, table), (one, other)) for answer in found]
    assert sorted(row[1] for row in said(answers)) == ["accepted"] * 120 + ["duplicate"] * 120
    assert len({answer.record_id for answer in answers if answer.record_id}) == 120
    assert registry.events().count("registry:alert:register/done") == 120
    assert [row["n"] for row in registry.rows("SELECT count(*) AS n FROM history GROUP BY record_id")] == [2] * 120


def test_a_mark_of_protection_counts_wherever_it_stands_in_the_file(registry: Registry) -> None:
    table = sample("iaf_utbetalningar.csv", payment.TABLE.headings)
    places = {name: table.header.index(name) for name in ("Ärendenummer", "Skyddade uppgifter")}
    good = next(cells for _, cells in table.rows if cells[places["Skyddade uppgifter"]] == "nej")

    def marked(case: str, mark: str) -> tuple[str, ...]:
        new = {places["Ärendenummer"]: case, places["Skyddade uppgifter"]: mark}
        return tuple(new.get(place, cell) for place, cell in enumerate(good))

    def read_in(*rows: tuple[str, ...]) -> list[str]:
        return [row[1] for row in said(payments(registry, TableFile(table.header, tuple(enumerate(rows, 1)))))]

    rows = [*(marked(f"IAF-{number}", "nej") for number in range(60)), marked("IAF-60", "ja"), marked("IAF-61", "nej")]
    assert read_in(*rows) == ["accepted"] * 60 + ["accepted_protected", "accepted"]
    assert [row["protection"] for row in registry.rows("SELECT protection FROM subject")] == ["protected"]
    assert read_in(marked("IAF-70", "nej"), marked("IAF-70", "ja")) == ["accepted", "duplicate"]
    blocked = registry.rows("SELECT count(*) AS n FROM suspected_payment WHERE state = 'blocked_protected'")
    assert blocked == [{"n": 63}]  # one person: what one row says of protection holds for all
