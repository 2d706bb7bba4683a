"""How a public loan book is cut into days, apart from any data."""

from datetime import date
from decimal import Decimal

import pandas as pd
import pytest

from include.errors import PostloanError
from include.sample_bank import kiva
from include.sample_bank.source_book import SourceBook, equal_parts, exact_amount, local_dates, write_book


def test_midnights_become_dates_in_the_zone_in_which_they_are_midnights():
    stamps = pd.Series(["2006-06-03T07:00:00Z", "2007-02-28T08:00:00Z", "2006-07-01T06:59:59Z", ""])
    assert local_dates(stamps, kiva.TIMEZONE).tolist() == ["2006-06-03", "2007-02-28", "2006-06-30", ""]


def test_equal_parts_lose_no_cent():
    assert equal_parts(Decimal("100.00"), 3) == [Decimal("33.33"), Decimal("33.33"), Decimal("33.34")]


def test_an_amount_is_never_rounded():
    assert [exact_amount(text) for text in ("10000.0", "55.5", "")] == ["10000.00", "55.50", ""]
    with pytest.raises(PostloanError, match="whole cents"):
        exact_amount("55.555")


def test_business_dates_must_rise_from_the_end_of_the_history(tmp_path):
    book = SourceBook(lambda day: pd.DataFrame(), pd.DataFrame(), pd.DataFrame())
    with pytest.raises(PostloanError, match="must rise"):
        write_book(book, tmp_path, history_to=date(2026, 1, 2), dates=[date(2026, 1, 2)], unusable={})


def test_a_folder_without_the_data_is_named(tmp_path):
    with pytest.raises(PostloanError, match=r"loans\.csv does not exist"):
        kiva.write_deliveries(tmp_path, tmp_path / "landing")
