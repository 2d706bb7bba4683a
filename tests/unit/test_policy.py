"""Policy files: every row is dated and says where it comes from."""

from datetime import date
from pathlib import Path

import pytest

from include.errors import PostloanError
from include.policy import PolicyRow, _reach, load_policy_rows, policy_hash


def test_every_policy_row_is_dated_and_has_a_source_column() -> None:
    rows = load_policy_rows()
    assert {"signal", "past_due_tolerance", "allocation_order", "delinquency_bucket"} <= {row.policy for row in rows}
    assert all(row.valid_to is None or row.valid_to >= row.valid_from for row in rows)


def test_a_row_without_a_date_names_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "signal.csv").write_text("signal_code,valid_from,valid_to,source\nx,soon,,somewhere\n")
    with pytest.raises(PostloanError, match=r"signal\.csv line 2"):
        load_policy_rows(tmp_path)


@pytest.mark.parametrize("row", ["x,2026-01-01,,here, and there", "x,2026-01-01"])
def test_a_comma_without_quotes_names_file_and_line(tmp_path: Path, row: str) -> None:
    (tmp_path / "signal.csv").write_text(f"signal_code,valid_from,valid_to,source\n{row}\n")
    with pytest.raises(PostloanError, match=r"signal\.csv line 2: has more or fewer cells"):
        load_policy_rows(tmp_path)


def test_any_byte_of_a_policy_file_changes_the_hash(tmp_path: Path) -> None:
    file = tmp_path / "signal.csv"
    file.write_text("a,valid_from,valid_to,source\n")
    before = policy_hash(tmp_path)
    file.write_text("a,valid_from,valid_to,source\n\n")
    assert policy_hash(tmp_path) != before


@pytest.mark.parametrize(
    ("valid_to", "is_same"),
    [
        pytest.param(None, True, id="nothing changed"),
        pytest.param(date(2026, 6, 30), True, id="ending a row after the last published date is allowed"),
        pytest.param(date(2026, 1, 10), True, id="ending it on that date too"),
        pytest.param(date(2026, 1, 9), False, id="ending it before is a change of the past"),
    ],
)
def test_a_row_may_end_only_after_what_is_published(valid_to: date | None, is_same: bool) -> None:
    last_published = date(2026, 1, 10)
    before = _reach((date(2026, 1, 1), None), last_published)
    now = _reach((date(2026, 1, 1), valid_to), last_published)
    assert (before == now) is is_same


def test_a_row_is_valid_on_its_first_and_last_day() -> None:
    row = PolicyRow("p", date(2026, 1, 1), date(2026, 1, 31), "{}")
    days = (date(2025, 12, 31), date(2026, 1, 1), date(2026, 1, 31), date(2026, 2, 1))
    assert [row.is_valid_on(day) for day in days] == [False, True, True, False]
