"""What only a large load needs: the next chunk made while this one is sent, and indexes built once at the end."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from include.landing.versions import RawTable

BULK_ROWS = 200_000
Item = TypeVar("Item")
_END = object()


def made_ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items in the same order; each is made in another thread while the one before it is being used."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="postloan-prepare") as executor:
        coming = executor.submit(next, items, _END)
        while (item := coming.result()) is not _END:
            coming = executor.submit(next, items, _END)
            yield item  # type: ignore[misc]  # not _END, which a type checker cannot know


@contextmanager
def indexes_built_at_the_end(table: RawTable) -> Iterator[None]:
    """Fill an empty raw table without its indexes and build them afterwards: a third of the server's time less.

    Inside the caller's transaction: whoever reads the table meanwhile waits, and finds it empty or whole. Only for a
    table of which nothing was landed yet, so nobody has anything to read there.
    """
    contract = table.contract
    table.execute("select ops.drop_raw_indexes({name})", name=contract.raw_name)
    yield
    table.execute("select ops.build_raw_indexes({name})", name=contract.raw_name)
