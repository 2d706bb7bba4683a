"""Cuts a text file into records and knows on which line each begins. A line break inside quotes ends no record."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from include.errors import DeliveryError
from include.landing.chunk import CHUNK_BYTES

LINE_FEED, CARRIAGE_RETURN, QUOTE = 10, 13, 34
MAX_RECORD_BYTES = 16 * 1024**2


@dataclass(frozen=True)
class Records:
    """Whole records, one after the other; ``starts`` and ``ends`` are byte offsets in ``original``."""

    original: bytes
    starts: np.ndarray
    ends: np.ndarray
    line_feeds: np.ndarray
    first_line: int
    has_empty_lines: bool

    def __len__(self) -> int:
        return len(self.starts)

    @cached_property
    def has_quotes(self) -> bool:
        return b'"' in self.original

    @property
    def longest(self) -> int:
        return int((self.ends - self.starts).max(initial=0)) + 2

    @cached_property
    def data(self) -> bytes:
        """The records without the empty lines between them."""
        if not self.has_empty_lines:
            return self.original
        return b"\n".join(self.text(number) for number in range(len(self)))

    def text(self, number: int) -> bytes:
        """The record without its line end."""
        return self.original[self.starts[number] : self.ends[number]]

    def line(self, number: int) -> int:
        """The line of the file on which the record begins, from 1."""
        return self.first_line + int(np.searchsorted(self.line_feeds, self.starts[number]))


def read_records(blocks: Iterator[bytes], path: object, *, quoted: bool) -> Iterator[Records]:
    """All records of a text, about CHUNK_BYTES at a time. Raises DeliveryError when one has no end."""
    held: list[bytes] = []
    size, wanted, line = 0, CHUNK_BYTES, 1
    for block in blocks:
        held.append(block)
        size += len(block)
        if size < wanted:
            continue
        data = b"".join(held)
        end = _last_record_end(data, quoted=quoted)
        if end == 0:
            if size > CHUNK_BYTES + MAX_RECORD_BYTES:
                raise DeliveryError(f"{path}: the record that begins on line {line} has no end: a quote is left open")
            held, wanted = [data], size + CHUNK_BYTES // 4
            continue
        records = _cut(data[:end], line, quoted=quoted)
        yield records
        line += len(records.line_feeds)
        held, size, wanted = [data[end:]], len(data) - end, CHUNK_BYTES
    data = b"".join(held)
    if data:
        yield _cut(data, line, quoted=quoted)


def _cut(data: bytes, first_line: int, *, quoted: bool) -> Records:
    line_feeds, ends = _ends(data, quoted=quoted)
    if len(ends) == 0 or ends[-1] != len(data) - 1:
        ends = np.append(ends, len(data))  # the last line may lack its end
    starts = np.concatenate([[0], ends[:-1] + 1])
    octets = np.frombuffer(data, np.uint8)
    has_return = (ends > starts) & (octets[np.maximum(ends - 1, 0)] == CARRIAGE_RETURN)
    ends = ends - has_return
    filled = ends > starts
    return Records(data, starts[filled], ends[filled], line_feeds, first_line, not filled.all())


def _ends(data: bytes, *, quoted: bool) -> tuple[np.ndarray, np.ndarray]:
    octets = np.frombuffer(data, np.uint8)
    line_feeds = np.flatnonzero(octets == LINE_FEED)
    if not quoted or b'"' not in data:
        return line_feeds, line_feeds
    quotes = np.flatnonzero(octets == QUOTE)
    return line_feeds, line_feeds[np.searchsorted(quotes, line_feeds) % 2 == 0]


def _last_record_end(data: bytes, *, quoted: bool) -> int:
    if not quoted or b'"' not in data:
        return data.rfind(b"\n") + 1
    ends = _ends(data, quoted=True)[1]
    return int(ends[-1]) + 1 if len(ends) else 0
