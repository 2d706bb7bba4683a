"""One column of a contract: its type, what its values may be, and how the source states it where that differs."""

import re
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

# Names become identifiers in SQL, so they are checked before anything else is done with them.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
# A header as the source writes it, in any script; on one line and without blanks around it.
SourceName = Annotated[
    str, StringConstraints(pattern=r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]{0,118}[^\s\x00-\x1f\x7f])?$")
]
# Whole numbers only: a bound in a contract is exact.
Bound = Annotated[int, Field(strict=True)]
DECIMAL_TYPE = re.compile(r"decimal\((\d{1,2}),(\d{1,2})\)")
PersonalData = Literal["name", "id_number", "phone", "address", "account_number"]

# What a date format is made of; everything else in it stands for itself.
DATE_PARTS = {"YYYY": 4, "MM": 2, "DD": 2, "hh": 2, "mm": 2, "ss": 2}
FORMAT_PART = re.compile(r"YYYY|MM|DD|hh|mm|ss|[-/.:, T年月日时分秒]|(?P<unknown>.)", re.DOTALL)


class Strict(BaseModel):
    """No word without a meaning, no change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(Strict):
    """One delivered column. Types: text, integer (32 bit), date, timestamp, boolean, decimal(precision,scale).

    A timestamp states its offset from UTC. ``personal_data``: the value itself goes to the vault and nowhere else; the
    raw table holds ``<name>_token`` and ``<name>_masked`` in its place.

    How the source states it: under another header (``source_name``), with other codes (``codes``: source value to
    ours), in another form (``date_format``), a hundred times as large (``hundredths``: a rate in percent, an amount in
    cents), the same for every row (``constant``), or not at all (``absent``).
    """

    name: Name
    type: str
    description: str
    nullable: bool = False
    # loaded, but a change of it alone is no new row: it is not part of _row_hash
    informational: bool = False
    personal_data: PersonalData | None = None
    pattern: str | None = None
    one_of: tuple[str, ...] | None = None
    above: Bound | None = None
    at_least: Bound | None = None
    below: Bound | None = None
    # dates outside are typing errors, not facts
    earliest: date = date(1900, 1, 1)
    latest: date = date(2100, 12, 31)

    source_name: SourceName | None = None
    codes: dict[str, str] | None = None
    date_format: str | None = None  # YYYY MM DD hh mm ss and separators
    utc_offset: Annotated[str, StringConstraints(pattern=r"^[+-](0\d|1[0-4]):[0-5]\d$")] | None = None
    hundredths: bool = False
    constant: str | None = None
    absent: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.type not in {"text", "integer", "date", "timestamp", "boolean"}:
            decimal = DECIMAL_TYPE.fullmatch(self.type)
            if decimal is None or not int(decimal[2]) < int(decimal[1]) <= 18:
                raise ValueError(f"column {self.name}: unknown type {self.type}")
        if self.type != "text" and (self.pattern or self.one_of):
            raise ValueError(f"column {self.name}: pattern and one_of are for text")
        if self.personal_data and (self.type != "text" or self.one_of):
            raise ValueError(f"column {self.name}: personal data is text that only the vault may hold")
        if self.pattern:
            re.compile(self.pattern)
        return self

    @model_validator(mode="after")
    def _check_source(self) -> Self:
        ways = [self.constant is not None, self.absent, self._is_stated_differently]
        if sum(ways) > 1:
            raise ValueError(f"column {self.name}: stated by the source, constant, or absent: one of these")
        if self.absent and not self.nullable:
            raise ValueError(f"column {self.name}: a column that must be filled cannot be absent from the source")
        if self.personal_data and (self.codes or self.constant is not None):
            raise ValueError(f"column {self.name}: personal data has no codes and no constant")
        if self.hundredths and not self.is_decimal:
            raise ValueError(f"column {self.name}: hundredths are for decimals")
        if self.codes is not None:
            self._check_codes(self.codes)
        if self.constant is not None and self.one_of is not None and self.constant not in self.one_of:
            raise ValueError(f"column {self.name}: the constant {self.constant} is none of {', '.join(self.one_of)}")
        if self.date_format is not None:
            self._check_format(self.date_format)
        elif self.utc_offset is not None:
            raise ValueError(f"column {self.name}: utc_offset goes with a date_format, as ISO timestamps state theirs")
        return self

    def _check_codes(self, codes: dict[str, str]) -> None:
        if self.type not in {"text", "integer", "boolean"} or not codes:
            raise ValueError(f"column {self.name}: codes are for text, integer and boolean, and at least one")
        allowed = ("true", "false") if self.type == "boolean" else self.one_of
        unknown = sorted(set(codes.values()) - set(allowed)) if allowed else []
        if unknown:
            raise ValueError(
                f"column {self.name}: codes lead to {', '.join(unknown)}, none of {', '.join(allowed or ())}"
            )
        if "" in codes or "" in codes.values():
            raise ValueError(f"column {self.name}: an empty value is not stated, it is no code")

    def _check_format(self, date_format: str) -> None:
        if self.type not in {"date", "timestamp"}:
            raise ValueError(f"column {self.name}: date_format is for dates and timestamps")
        parts = format_parts(date_format)
        wanted = list(DATE_PARTS)[: 3 if self.type == "date" else 6]
        if sorted(parts) != sorted(wanted):
            raise ValueError(f"column {self.name}: date_format {date_format!r} needs {' '.join(wanted)}, each once")
        if (self.type == "timestamp") != (self.utc_offset is not None):
            raise ValueError(f"column {self.name}: a timestamp with a date_format, and only that, has a utc_offset")

    @property
    def is_delivered(self) -> bool:
        """Whether the source has such a column."""
        return self.constant is None and not self.absent

    @property
    def delivered_as(self) -> str:
        """The column's name where the sender is spoken to."""
        return self.source_name or self.name

    @property
    def is_mapped(self) -> bool:
        """Whether the source states it in any other way than the contract."""
        return self._is_stated_differently or not self.is_delivered

    @property
    def _is_stated_differently(self) -> bool:
        return bool(self.source_name or self.codes or self.date_format or self.hundredths)

    @property
    def is_decimal(self) -> bool:
        return self.type.startswith("decimal")

    @property
    def precision_and_scale(self) -> tuple[int, int]:
        decimal = DECIMAL_TYPE.fullmatch(self.type)
        if decimal is None:
            raise ValueError(f"column {self.name} is {self.type}, not a decimal")
        return int(decimal[1]), int(decimal[2])

    @property
    def sql_type(self) -> str:
        return self.type.replace("decimal", "numeric").replace("timestamp", "timestamptz")

    @property
    def stored_as(self) -> dict[str, str]:
        """The columns of the raw table that hold it, with their SQL types."""
        if self.personal_data is not None:
            return {f"{self.name}_token": "text", f"{self.name}_masked": "text"}
        return {self.name: self.sql_type}


def format_parts(date_format: str) -> list[str]:
    """The parts of a date format that stand for numbers, in its order. ValueError for what is no part."""
    parts = []
    for found in FORMAT_PART.finditer(date_format):
        if found["unknown"]:
            raise ValueError(f"date_format {date_format!r}: {found['unknown']!r} means nothing; YYYY MM DD hh mm ss do")
        if found[0] in DATE_PARTS:
            parts.append(found[0])
    return parts
