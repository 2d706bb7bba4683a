"""What a contract says: of a table its columns, keys and rules, of a system when it delivers and from where."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from include.landing.contract_column import Bound, Column, Name, Strict
from include.landing.contract_source import Files, Source, TableSource

# Of whom a row speaks, by the column that every such row states.
SUBJECT_COLUMNS = {"loan": "loan_id", "borrower": "borrower_id", "nothing": None}


class When(Strict):
    """The rows that a rule is about: those whose column is (not) one of these values."""

    column: Name
    in_: tuple[str, ...] | None = Field(None, alias="in")
    not_in: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.in_ is None) == (self.not_in is None):
            raise ValueError("a rule's `when` needs either `in` or `not_in`")
        return self


class Rule(Strict):
    """What must hold for the rows that match ``when``, or for every row: columns that are filled, a bound of one.

    ``reason_code``: a code of ``reasons`` under which such rows are quarantined, where it is not just a broken rule.
    """

    name: Name
    description: str
    when: When | None = None
    reason_code: Name = "rule_broken"
    require: tuple[Name, ...] = ()
    column: Name | None = None
    above: Bound | None = None
    below: Bound | None = None

    @property
    def columns(self) -> set[str]:
        """The columns that the rule looks at."""
        return {*self.require, *filter(None, (self.when and self.when.column, self.column))}

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.require and (self.column is None or (self.above is None and self.below is None)):
            raise ValueError(f"rule {self.name} demands nothing")
        return self


class Inquiry(Strict):
    """A bureau pull: lawful only on a day on which the borrower has a live loan. See ``include/landing/inquiry.py``.

    ``report_table``: rows of a pull whose row in that table was refused for want of a lawful ground are refused too.
    """

    date_column: Name
    pull_column: Name
    report_table: Name | None = None

    @property
    def columns(self) -> set[str]:
        """The columns that it looks at."""
        return {self.date_column, self.pull_column, "borrower_id"}


class Derived(Strict):
    """A running sum over the rows of a unit, in ``unit_order``; written once, with the unit."""

    name: Name
    running_sum_of: tuple[Name, ...]
    description: str

    @property
    def sql_type(self) -> str:
        return "numeric(18,2)"


class Vanished(Strict):
    """What a full delivery means by leaving out a key that was there: an error, nothing, or the end of the row.

    ``ignore`` keeps the last row in effect; ``close`` writes a closing record, the last row with ``set`` applied.
    Both refuse the delivery when more than ``max_share`` of the keys vanish at once: that is a truncated extract.
    """

    action: Literal["error", "ignore", "close"]
    max_share: Annotated[float, Field(ge=0, le=1)] = 0.01
    set: dict[Name, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.action == "close") != bool(self.set):
            raise ValueError("vanished: `set` says what the closing record states, and only `close` writes one")
        return self


class Contract(Strict):
    """One table of one system."""

    system: Name
    table: Name
    title: dict[Literal["zh", "en"], str]
    description: str
    delivery: Literal["delta", "full"]
    key: tuple[Name, ...]
    # what a run computes again when a row of this table is new: the loan, all loans of the borrower, nothing
    touches: Literal["loan", "borrower", "nothing"]
    required: bool = True  # a daily delivery of the system without this table is refused
    unit: tuple[Name, ...] = ()
    unit_constant: tuple[Name, ...] = ()
    unit_order: tuple[Name, ...] = ()
    lookup: tuple[Name, ...] = ()  # columns by which the raw table is also searched: an index each
    vanished: Vanished | None = None
    control_column: Name | None = None  # None: the table holds no amount, its control total is 0.00
    known_date_column: Name
    source: TableSource | None = None  # what of its system's source it is
    max_quarantine_share: Annotated[float, Field(ge=0, le=1)] = 0.02
    # a small delivery may lose this many rows whatever their share
    max_quarantine_rows: Annotated[int, Field(ge=0)] = 10
    columns: tuple[Column, ...]
    derived: tuple[Derived, ...] = ()
    rules: tuple[Rule, ...] = ()
    inquiry: Inquiry | None = None  # of a table of bureau pulls

    @model_validator(mode="after")
    def _check(self) -> Self:
        known = {column.name for column in self.columns}
        if len(known) != len(self.columns):
            raise ValueError("a column is stated twice")
        named = {*self.key, *self.unit, *self.unit_constant, *self.unit_order, *self.lookup, self.known_date_column}
        for rule in self.rules:
            named |= {
                *([rule.when.column] if rule.when else []),
                *rule.require,
                *([rule.column] if rule.column else []),
            }
        for derived in self.derived:
            named |= set(derived.running_sum_of)
        named |= self.inquiry.columns if self.inquiry else set()
        if unknown := sorted(named - known):
            raise ValueError(f"columns that are not stated: {unknown}")
        if self.subject_column is not None and self.subject_column not in known:
            raise ValueError(f"a table that touches the {self.touches} says whose each row is: {self.subject_column}")
        always_stated = {*self.key, *filter(None, (self.subject_column,)), self.known_date_column}
        if any(self.column(name).nullable for name in always_stated):
            raise ValueError("key, loan or borrower, and known date cannot be empty")
        if any(self.column(name).personal_data for name in named):
            raise ValueError("a key, a unit, a rule or a lookup cannot rest on personal data")
        if self.vanished is not None and any(self.column(name).personal_data for name in self.vanished.set):
            raise ValueError("a closing record cannot state personal data")
        if any(self.column(name).informational for name in self.key):
            raise ValueError("a key cannot be informational: it is part of the row's hash")
        if self.column(self.known_date_column).type != "date":
            raise ValueError("the known date column is a date")
        return self

    @model_validator(mode="after")
    def _check_control_column(self) -> Self:
        if self.control_column is not None:
            control = self.column(self.control_column)
            if not control.is_decimal or not control.is_delivered:
                raise ValueError("the control column is an amount that the source delivers")
            if control.hundredths:
                raise ValueError("a control total in cents fits no sum of ours: `control_column: null`, or another one")
        return self

    @model_validator(mode="after")
    def _check_delivery(self) -> Self:
        if (self.delivery == "full") != (self.vanished is not None):
            raise ValueError("a full delivery says what a vanished key means, a delta delivery has none")
        if self.unit and (not set(self.unit) <= set(self.key) or self.delivery == "full" or not self.unit_order):
            raise ValueError("a unit is part of the key of a delta table and has an order")
        if self.derived and not self.unit:
            raise ValueError("running sums run over a unit")
        return self

    def column(self, name: str) -> Column:
        """The column of that name. KeyError when the contract does not state it."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.system}.{self.table} has no column {name}")

    @property
    def subject_column(self) -> str | None:
        """The column that says whose the row is, loan_id or borrower_id; None: nobody's."""
        return SUBJECT_COLUMNS[self.touches]

    @property
    def order_column(self) -> str:
        """By which rows are sent to the raw table, so that the index of the subject or the key is filled in order."""
        return self.subject_column or self.key[0]

    @property
    def raw_name(self) -> str:
        """The table below schema ``raw``."""
        return f"{self.system}__{self.table}"

    @property
    def unit_or_key(self) -> tuple[str, ...]:
        """The columns by which a later version replaces an earlier one."""
        return self.unit or self.key

    @property
    def holds_personal_data(self) -> bool:
        """Whether any of its columns goes to the vault."""
        return any(column.personal_data is not None for column in self.columns)

    @property
    def as_stored(self) -> "Contract":
        """The contract of rows read back from the raw table: tokens, as text, where personal data was delivered."""
        plain = {"personal_data": None, "pattern": None}
        columns = tuple(
            column.model_copy(update=plain) if column.personal_data is not None else column for column in self.columns
        )
        return self.model_copy(update={"columns": columns})

    @property
    def is_mapped(self) -> bool:
        """Whether the source states any column in another way than the contract."""
        return any(column.is_mapped for column in self.columns)

    @property
    def delivered_names(self) -> list[str]:
        """The columns that the source has to state, each once: several of ours may come from one of theirs."""
        return list(dict.fromkeys(column.delivered_as for column in self.columns if column.is_delivered))

    def delivered_name(self, name: str | None) -> str:
        """A column's name as its sender knows it, for messages; empty for none."""
        return "" if name is None else self.column(name).delivered_as

    @property
    def hashed_columns(self) -> tuple[Column, ...]:
        """The columns whose change makes a row a new one, in the order of the contract."""
        return tuple(column for column in self.columns if not column.informational)


class System(Strict):
    """A source system: whether a day can be published without it, and when its delivery is due."""

    system: Name
    title: dict[Literal["zh", "en"], str]
    required: bool
    # daily: its delivery of the date is waited for. monthly, irregular: what has come is landed, nothing is waited for.
    # none: this lender has no such system; its tables stay empty
    cadence: Literal["daily", "monthly", "irregular", "none"] = "daily"
    fresh_for_days: Annotated[int, Field(ge=0)] = 0  # a delivery may be so old before the source counts as stale
    # the lender's local time on the day after the business date
    deadline: Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
    after: tuple[Name, ...] = ()  # a delivery is landed after these systems' own deliveries of its known date
    source: Source = Files(kind="files")  # where deliveries come from

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.required and self.cadence != "daily":
            raise ValueError("a system that the day cannot do without delivers daily")
        return self

    @property
    def is_fetched(self) -> bool:
        """Whether we get its deliveries ourselves."""
        return self.cadence != "none" and not isinstance(self.source, Files)
