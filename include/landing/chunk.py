"""A piece of a delivered table: every value still as text, each row with its number."""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

# how much of a file is checked and sent at a time: large enough for vectors, small enough for a processor's cache
CHUNK_ROWS = 100_000
CHUNK_BYTES = 8 * 1024**2
# a table of so many rows is judged as one chunk and kept in memory
WHOLE_ROWS = 200_000

# what is wrong with the shape of a row, before any column is looked at
WELL_FORMED = 0
WRONG_NUMBER_OF_CELLS = 1
NOT_A_JSON_OBJECT = 2
DUPLICATE_JSON_MEMBER = 3
MISSING_MEMBER = 4


@dataclass(frozen=True)
class Chunk:
    """Rows of one table.

    ``columns``: the contract's columns as text (null: not stated), all of one length. ``line_no``: the number of each
    row in its batch, from 1. ``malformed``: WELL_FORMED or what is wrong with the row's shape; such a row holds the
    values that could still be told apart. ``unmapped``: by column, where the value is one that the contract's mapping
    does not know and still stands as it was delivered; a column without such a value is left out.
    """

    columns: dict[str, pa.Array]
    line_no: np.ndarray
    malformed: np.ndarray
    unmapped: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.line_no)

    def take(self, rows: np.ndarray) -> "Chunk":
        """The rows at these positions, or where this mask is true."""
        if rows.dtype == bool:
            rows = np.flatnonzero(rows)
        indices = pa.array(rows)
        return Chunk(
            {name: column.take(indices) for name, column in self.columns.items()},
            self.line_no[rows],
            self.malformed[rows],
            {name: mask[rows] for name, mask in self.unmapped.items()},
        )

    def split(self, is_apart: np.ndarray) -> tuple["Chunk", "Chunk"]:
        """The rows outside and inside of a mask; without copying when the mask is the end of the chunk."""
        first = int(np.argmax(is_apart))
        if not is_apart[first:].all():
            return self.take(~is_apart), self.take(is_apart)
        return self._slice(0, first), self._slice(first, len(self))

    def _slice(self, first: int, last: int) -> "Chunk":
        columns = {name: column[first:last] for name, column in self.columns.items()}
        unmapped = {name: mask[first:last] for name, mask in self.unmapped.items()}
        return Chunk(columns, self.line_no[first:last], self.malformed[first:last], unmapped)


def concat(chunks: list[Chunk]) -> Chunk:
    """One chunk of all rows; needs at least one."""
    if len(chunks) == 1:
        return chunks[0]
    return Chunk(
        {name: pa.concat_arrays([chunk.columns[name] for chunk in chunks]) for name in chunks[0].columns},
        np.concatenate([chunk.line_no for chunk in chunks]),
        np.concatenate([chunk.malformed for chunk in chunks]),
        {name: _concat_masks(name, chunks) for name in {name for chunk in chunks for name in chunk.unmapped}},
    )


def _concat_masks(name: str, chunks: list[Chunk]) -> np.ndarray:
    return np.concatenate([chunk.unmapped.get(name, np.zeros(len(chunk), bool)) for chunk in chunks])
