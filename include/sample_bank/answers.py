"""The answer key on its way to disk, block by block: one Parquet file a question."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from include.sample_bank import truth
from include.sample_bank.loans import day_number
from include.sample_bank.planted import planted
from include.sample_bank.world import World


class AnswerKey:
    """``loans.parquet`` and ``positions.parquet`` (one row per loan and date asked for).

    Of a whole bank also ``planted.parquet``: what a detector ought to find, and what only looks like it.
    """

    def __init__(self, folder: Path, days: Sequence[date], *, is_whole: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._days, self._is_whole = folder, tuple(days), is_whole
        self._writers: dict[str, pq.ParquetWriter] = {}

    def add(self, world: World) -> None:
        """The answers about this block."""
        block = world.lives
        flat = truth.books(block)
        answers = {"loans": truth.loan_facts(block, flat)}
        answers["positions"] = pd.concat(truth.positions(block, flat, day_number(day)) for day in self._days)
        for name, answer in answers.items():
            self._write(name, pa.Table.from_pandas(answer, schema=truth.SCHEMAS[name], preserve_index=False))
        if self._is_whole:
            self._write("planted", planted(world))

    def close(self) -> None:
        """Finish the files."""
        for writer in self._writers.values():
            writer.close()

    def _write(self, name: str, rows: pa.Table) -> None:
        if name not in self._writers:
            self._writers[name] = pq.ParquetWriter(self._folder / f"{name}.parquet", rows.schema)
        self._writers[name].write_table(rows)
