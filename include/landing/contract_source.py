"""Where a system's deliveries come from when nobody puts files into the landing folder: the ``source:`` of a contract.

``system.yml`` names the kind and the connection, the contract of a table what of the source is this table. A connection
is a name only: its address and password are Airflow's (or ``POSTLOAN_CONNECTION_<NAME>``), never a contract's.
"""

from datetime import date
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, StringConstraints, model_validator

from include.landing.contract_column import Name, Strict

# schema.table of a source database; quoted by SQLAlchemy, so any script will do, but no statement
TableName = Annotated[str, StringConstraints(pattern=r"^[^\s.;'\"]{1,120}(\.[^\s.;'\"]{1,120})?$")]
ColumnName = Annotated[str, StringConstraints(pattern=r"^[^\s;'\"]{1,120}$")]
# a glob over names, never a path
FilePattern = Annotated[str, StringConstraints(pattern=r"^[^/\\\x00-\x1f]{1,200}\.(csv|jsonl|parquet)(\.gz)?$")]
# how many earlier dates are asked for as well, when they never came
CatchUpDays = Annotated[int, Field(ge=0, le=366)]
UrlPath = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._~/{}-]*$")]


class Files(Strict):
    """The sender puts files and manifest into the landing folder: nothing is fetched.

    ``encoding``: of files that come without a manifest, for which ``postloan manifest`` writes one.
    """

    kind: Literal["files"]
    encoding: Literal["utf-8", "gb18030"] = "utf-8"


class ObjectStorage(Strict):
    """A directory a business date below ``path``, with the sender's own manifest, or with a marker and ours.

    ``path``: where the directories lie, such as ``s3://bucket/postloan`` or ``file:///srv/outbox``. ``folder``: their
    names. ``marker``: the file that the sender writes last; ``manifest.json`` is a manifest in our form, and then
    corrections and histories are found where the landing folder would have them.
    """

    kind: Literal["object_storage"]
    connection: Name | None = None
    path: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9+]*://[^\s]+$")]
    folder: str = "{YYYY}-{MM}-{DD}"
    marker: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,120}$")] = "manifest.json"
    catch_up_days: CatchUpDays = 7
    encoding: Literal["utf-8", "gb18030"] = "utf-8"  # of files that come without a manifest

    @property
    def has_manifest(self) -> bool:
        return self.marker == "manifest.json"

    def folder_of(self, business_date: date) -> str:
        """The name of a date's directory."""
        parts = {"YYYY": f"{business_date:%Y}", "MM": f"{business_date:%m}", "DD": f"{business_date:%d}"}
        return self.folder.format(**parts)

    @model_validator(mode="after")
    def _check(self) -> Self:
        try:
            if self.folder_of(date(2026, 1, 31)) == self.folder_of(date(2027, 2, 28)):
                raise ValueError("a folder is named by its date: {YYYY}, {MM} and {DD}")
        except (KeyError, IndexError) as error:
            raise ValueError(f"folder {self.folder!r}: {{YYYY}}, {{MM}} and {{DD}} are known") from error
        if self.has_manifest and self.folder != "{YYYY}-{MM}-{DD}":
            raise ValueError("a sender who writes our manifest also names folders as we do: 2026-01-31")
        return self


class Ready(Strict):
    """A table of the source that says up to which business date its end-of-day work is done: the column's maximum."""

    table: TableName
    column: ColumnName


class Database(Strict):
    """Tables of a source database, all read in one snapshot.

    ``overlap_minutes``: how much later than its watermark a row may be committed and still be found by the next
    window. ``history_from``: the first fetch is a history from this date on; without it, it is a daily delivery of
    everything there is.
    """

    kind: Literal["database"]
    connection: Name
    ready: Ready
    overlap_minutes: Annotated[int, Field(ge=0, le=60 * 24 * 7)] = 60
    history_from: date | None = None


class HttpApi(Strict):
    """Pages of JSON objects, fetched with the connection's password as bearer token.

    ``page``, ``page_size``: the query parameters. ``items``, ``total_count``, ``page_number``: the members of an answer
    that hold the page's rows, the number of all rows and, where the API says it, the number of the page. A 404 for the
    first page means that there is no batch of this date.
    """

    kind: Literal["http_api"]
    connection: Name
    page_size: Annotated[int, Field(ge=1, le=10_000)] = 500
    page_parameter: Name = "page"
    page_size_parameter: Name = "page_size"
    items: str = "items"
    total_count: str = "total_count"
    page_number: str | None = "page"
    catch_up_days: CatchUpDays = 7
    attempts: Annotated[int, Field(ge=1, le=20)] = 5
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0


Source: TypeAlias = Annotated[Files | ObjectStorage | Database | HttpApi, Field(discriminator="kind")]


class TableSource(Strict):
    """What of the source a table is. Which of these are needed is the kind's matter (``missing_part``).

    ``files``: names in object storage. ``table``: a table or view of the source database; with ``watermark`` its rows
    that changed since the last fetch, with ``as_of`` the rows of the business date (of a delta table: of every date
    since the last fetch), with neither all of it, as it is now. ``path``: of an HTTP API, with {business_date}.
    """

    files: FilePattern | None = None
    table: TableName | None = None
    watermark: ColumnName | None = None
    as_of: ColumnName | None = None
    path: UrlPath | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.watermark and self.as_of:
            raise ValueError("a table is fetched by watermark or by its as_of column, not by both")
        if (self.watermark or self.as_of) and not self.table:
            raise ValueError("watermark and as_of are columns of a table")
        if self.path and "{business_date}" not in self.path:
            raise ValueError("path holds {business_date}, or every date would be the same")
        return self


def missing_part(source: Source, part: TableSource | None, delivery: str) -> str | None:
    """What the contract of a table has to state beside its system's source; None when nothing is missing."""
    part = part or TableSource()
    if isinstance(source, ObjectStorage):
        return "source: {files: ...}" if part.files is None and not source.has_manifest else None
    if isinstance(source, HttpApi):
        return "source: {path: ...}" if part.path is None else None
    if isinstance(source, Database):
        if part.table is None:
            return "source: {table: ...}"
        if delivery == "full" and part.watermark:
            return "a full delivery without `watermark`: changed rows are no full table; or delivery: delta"
        if delivery == "delta" and not (part.watermark or part.as_of):
            return "source: {table: ..., watermark: ...} or as_of: a delta table has to tell new rows from old ones"
    return None
