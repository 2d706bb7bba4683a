"""Two runs side by side, as readers would see them: which rows and which columns differ."""

from dataclasses import dataclass

import psycopg

from include.warehouse.data_sets import DataSet, load_data_sets
from include.warehouse.fold import ONE_RUN, fold_sql

# touched_loan and touched_borrower say how a run worked, not what it found
COMPARED = (
    "loan_position", "loan_feature", "loan_signal", "loan_score", "loan_score_shadow", "borrower_position",
    "borrower_profile", "use_of_proceeds_check", "kpi_portfolio_daily", "kpi_fund_use_daily", "warning_episode",
    "warning_list", "warning_cleared", "recon_break", "recon_summary", "risk_tier", "revisit_plan", "coverage_gap",
    "revisit_assignment", "contact_suppression", "work_item",
)  # fmt: skip
SAMPLE = 5


@dataclass(frozen=True)
class Difference:
    """How one data set differs. ``columns``: rows in which each column differs; ``sample``: a few keys to look at."""

    data_set: str
    only_left: int
    only_right: int
    changed: int
    columns: dict[str, int]
    sample: tuple[str, ...]

    @property
    def row_count(self) -> int:
        return self.only_left + self.only_right + self.changed


def differences(
    connection: psycopg.Connection,
    left_run_id: str,
    right_run_id: str,
    *,
    data_sets: tuple[str, ...] = COMPARED,
    only_keys: str | None = None,
) -> list[Difference]:
    """Every data set that differs between two runs; an empty list: readers would see the same, column by column.

    ``only_keys``: SQL condition over ``shown`` (the row of either side) that limits the comparison.
    """
    found = []
    # The right run's rows are younger than any statistics of the server. Believing that there are none it would look up
    # each loan of a whole portfolio in a scan of its own: minutes for 18,000 loans.
    connection.execute("set local enable_nestloop = off")
    for name in data_sets:
        difference = _difference(connection, load_data_sets()[name], left_run_id, right_run_id, only_keys)
        if difference.row_count:
            found.append(difference)
    connection.execute("set local enable_nestloop = on")
    return found


def _difference(
    connection: psycopg.Connection, data_set: DataSet, left: str, right: str, only_keys: str | None
) -> Difference:
    side = fold_sql(data_set, ONE_RUN)
    key = ", ".join(data_set.key)
    compared = [name for name in data_set.value_columns if name not in data_set.key]
    condition = f"where {only_keys}" if only_keys else ""
    counts = ", ".join(
        f"count(*) filter (where l.as_of_date is not null and r.as_of_date is not null "
        f"and l.{name} is distinct from r.{name})"
        for name in compared
    )
    any_changed = " or ".join(f"l.{name} is distinct from r.{name}" for name in compared)
    differs = f"(l.as_of_date is null or r.as_of_date is null or {any_changed})"
    row = connection.execute(
        f"with l as (select * from ({side.replace('%(run_id)s', '%(left)s')}) as shown {condition}), "
        f"r as (select * from ({side.replace('%(run_id)s', '%(right)s')}) as shown {condition}) "
        f"select count(*) filter (where r.as_of_date is null), count(*) filter (where l.as_of_date is null), "
        f"count(*) filter (where l.as_of_date is not null and r.as_of_date is not null and ({any_changed})), "
        f"(array_agg(concat_ws('/', {key}) order by {key}) filter (where {differs}))[1:{SAMPLE}], "
        f"{counts} from l full join r using ({key})",
        {"left": left, "right": right},
    ).fetchone()
    only_left, only_right, changed, sample, *by_column = row
    return Difference(
        data_set=data_set.name,
        only_left=only_left,
        only_right=only_right,
        changed=changed,
        columns={name: count for name, count in zip(compared, by_column, strict=True) if count},
        sample=tuple(sample or ()),
    )
