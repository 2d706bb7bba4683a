"""Rows sent in the binary form of COPY are, value by value, what PostgreSQL itself would have read."""

from datetime import date
from decimal import Decimal

import numpy as np
import pyarrow as pa
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from include.landing.copy_rows import HEADER, TRAILER, RowWriter
from include.settings import Settings
from include.warehouse.connection import connect

CENTS = st.integers(-(10**18) + 1, 10**18 - 1)
MILLIONTHS = st.integers(-(10**9) + 1, 10**9 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
ROW = st.tuples(
    st.none() | CENTS,
    st.none() | MILLIONTHS,
    st.none() | st.dates(date(1900, 1, 1), date(2100, 12, 31)),
    st.none() | st.booleans(),
    st.none() | st.integers(-(2**31), 2**31 - 1),
    st.none() | TEXT,
    CENTS,
    st.binary(min_size=16, max_size=16),
)


def test_every_value_arrives_as_it_was_sent(bare_settings: Settings) -> None:
    with connect(bare_settings, role=None) as connection:
        connection.execute(
            "create temporary table t (n integer, amount numeric(18,2), rate numeric(9,6), d date, b boolean, "
            "i integer, x text, cents numeric(18,2), same_date date, same_number bigint, u uuid)"
        )

        @hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.lists(ROW, min_size=1, max_size=20))
        def check(rows: list[tuple]) -> None:
            amounts, rates, dates, truths, integers, texts, cents, digests = zip(*rows, strict=True)
            decimals = [
                [None if value is None else Decimal(value).scaleb(-scale) for value in values]
                for values, scale in ((amounts, 2), (rates, 6))
            ]
            writer = RowWriter(len(rows), 11)
            writer.integer(np.arange(len(rows)))
            writer.value(pa.array(decimals[0], pa.decimal128(18, 2)))
            writer.value(pa.array(decimals[1], pa.decimal128(9, 6)))
            writer.value(pa.array(dates, pa.date32()))
            writer.value(pa.array(truths, pa.bool_()))
            writer.value(pa.array(integers, pa.int32()))
            writer.value(pa.array(texts, pa.string()))
            writer.cents(np.array(cents, np.int64))
            writer.date((date(2026, 1, 5) - date(1970, 1, 1)).days)
            writer.bigint(2**62 + 1)
            writer.uuid(np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 16))
            connection.execute("truncate t")
            with connection.cursor().copy("copy t from stdin (format binary)") as copy:
                copy.write(HEADER)
                copy.write(writer.finish())
                copy.write(TRAILER)
            found = connection.execute("select amount, rate, d, b, i, x, cents, u from t order by n").fetchall()
            assert [row[:7] for row in found] == [
                (amount, rate, *row[2:6], Decimal(row[6]).scaleb(-2))
                for amount, rate, row in zip(*decimals, rows, strict=True)
            ]
            assert [row[7].bytes for row in found] == list(digests)
            assert connection.execute("select distinct same_date, same_number from t").fetchall() == [
                (date(2026, 1, 5), 2**62 + 1)
            ]

        check()
