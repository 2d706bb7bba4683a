"""Loads one CSV file into PostgreSQL with dlt, in two ways: as its documentation shows, and the fastest that it has.

Run by ``bench/landing.py --dlt`` in an environment of its own, because dlt is no dependency of Postloan.
"""

import csv
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dlt
import pyarrow.csv


def main() -> None:
    """Arguments: database URL, file, working directory. Prints the seconds of loading rows, then arrow tables."""
    url, path, place = sys.argv[1:]
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    destination = dlt.destinations.postgres(url)
    for name, data, settings in (("rows", _rows(path), {}), ("arrow", _tables(path), {"loader_file_format": "csv"})):
        pipeline = dlt.pipeline(name, destination=destination, dataset_name=name, pipelines_dir=place)
        started = time.perf_counter()
        pipeline.run(data, table_name="loaded", **settings)
        print(f"{time.perf_counter() - started:.2f}")


def _rows(path: str) -> Iterator[dict[str, str]]:
    with Path(path).open(encoding="utf-8", newline="") as handle:
        yield from csv.DictReader(handle)


def _tables(path: str) -> Iterator[pyarrow.Table]:
    yield pyarrow.csv.read_csv(path)


if __name__ == "__main__":
    main()
