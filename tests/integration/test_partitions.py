"""A new month needs new partitions; people go on reading meanwhile."""

from datetime import date

from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.data_sets import load_data_sets
from include.warehouse.migrate import ensure_partitions


def test_a_reader_in_the_middle_of_a_transaction_does_not_hold_up_a_new_month(settings: Settings) -> None:
    with (
        connect(settings, role="reader") as reader,
        connect(settings, role="postloan_owner", autocommit=True) as owner,
    ):
        owner.execute("set lock_timeout = '2s'")
        assert reader.execute("select count(*) from serving.loan_position").fetchone() == (0,)
        ensure_partitions(owner, date(2026, 5, 31))
        assert reader.execute("select count(*) from serving.borrower_position").fetchone() == (0,)
        ensure_partitions(owner, date(2026, 5, 1))
        (partitions,) = owner.execute(
            "select count(*) from pg_inherits where inhparent = 'published.loan_position'::regclass"
        ).fetchone()
        names = [name for name, data_set in load_data_sets().items() if data_set.is_partitioned]
        indexed = owner.execute(
            "select count(distinct tablename) from pg_indexes "
            "where schemaname = 'published' and tablename like '%2026_05'"
        ).fetchone()
    assert partitions == 1
    assert indexed == (len(names),)
