"""Rows that models learn from: month-end cross-sections of the whole live book, by the SQL of the daily features.

Everything is read as of a run: its pinned batches, and of them only what was known on the month-end of each row. What
became of the loans is read with all that the run knows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd
from psycopg.rows import dict_row

from include import dbt
from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.roles import TRANSFORMER
from include.warehouse.runs import Run, load_run, run_environment
from models.features import Feature, feature_from_row
from models.labels import Labels, label

# every loan of the pinned contracts on every month-end from its payout on; live or not is decided by the features
MONTH_ENDS = """(
    select contract.loan_id, month_end.day as business_date, month_end.day as known_date
    from (
        select loan_id, min(disbursement_date) as paid_out from raw.core_banking__loan_contract
        where _batch_id in (select batch_id from ops.run_input where run_id = {{ run_id() }})
        group by loan_id
    ) as contract
    cross join lateral (
        select (month + interval '1 month - 1 day')::date as day
        from generate_series(date_trunc('month', contract.paid_out), {{ business_date() }}, interval '1 month') as month
    ) as month_end
    where month_end.day between contract.paid_out and {{ business_date() }}
) as month_ends"""
EVERY_LOAN = """(
    select distinct loan_id, {{ business_date() }} as business_date,
        current_setting('postloan.known_date', true)::date as known_date
    from raw.core_banking__loan_contract
    where _batch_id in (select batch_id from ops.run_input where run_id = {{ run_id() }})
) as every_loan"""


@dataclass(frozen=True)
class ModelPolicy:
    """What the policies model_label, risk_segment and feature say of one model on a date."""

    label_code: str
    exceeds_days: int
    horizon_days: int
    settlement_days: int
    least_bads: int
    out_of_time_months: int
    segments: tuple[str, ...]
    features: tuple[Feature, ...]


@dataclass(frozen=True)
class TrainingRows:
    """Rows of one model: features and segment by month-end, and their labels as known by the run.

    outcomes: by days past due that are exceeded, the events (loan_id, event_code, event_date) that labels are made of.
    """

    run: Run
    frame: pd.DataFrame  # loan_id, as_of (datetime64), segment_code, product_code, currency and the features as floats
    labels: Labels
    outcomes: Mapping[int, pd.DataFrame] = field(default_factory=dict)


def training_rows(
    run_id: str, model_code: str, policy: ModelPolicy, settings: Settings, *, also_exceeds: Sequence[int] = ()
) -> TrainingRows:
    """Every live row of the model's segments on every month-end up to the run's date, labelled.

    also_exceeds: further numbers of days past due whose outcomes are wanted.
    """
    exceeds = (policy.exceeds_days, *also_exceeds)
    with connect(settings, role=TRANSFORMER, application_name="postloan:train") as connection:
        run = load_run(connection, run_id)
        context = run_environment(connection, run)
        connection.execute("select set_config('postloan.known_date', %s, false)", (run.known_date.isoformat(),))
        # as in int_loan_features: each step is taken for a single row
        connection.execute("set local enable_nestloop = off")
        found = [
            pd.DataFrame(cursor.fetchall(), columns=[column.name for column in cursor.description or []], dtype=object)
            for cursor in (
                connection.execute(dbt.compiled(settings, text, context).encode())
                for text in (_features_sql(model_code), *(_outcomes_sql(days) for days in exceeds))
            )
        ]
    rows, outcomes = found[0], dict(zip(exceeds, found[1:], strict=True))
    for frame, name in ((rows, "as_of"), *((events, "event_date") for events in outcomes.values())):
        frame[name] = pd.to_datetime(frame[name])
    for feature in policy.features:
        rows[feature.name] = rows[feature.name].to_numpy(dtype=np.float64, na_value=np.nan)
    cutoff = np.datetime64(run.business_date)
    days = {"horizon_days": policy.horizon_days, "settlement_days": policy.settlement_days}
    labels = label(rows, outcomes[policy.exceeds_days], cutoff=cutoff, **days)
    return TrainingRows(run, rows, labels, outcomes)


def model_policy(model_code: str, day: date, settings: Settings) -> ModelPolicy | None:
    """The policy of a model; None: no row of model_label on that date names it."""
    valid = "valid_from <= %(day)s and coalesce(valid_to, 'infinity') >= %(day)s"
    given = {"day": day, "model": model_code}
    with connect(settings, role=TRANSFORMER) as connection, connection.cursor(row_factory=dict_row) as cursor:
        said = cursor.execute(
            f"select * from ref.model_label where model_code = %(model)s and {valid}", given
        ).fetchone()
        if said is None:
            return None
        segments = cursor.execute(
            f"select segment_code from ref.risk_segment where model_code = %(model)s and {valid} order by segment_rank",
            given,
        ).fetchall()
        features = cursor.execute(
            "select feature_code, origin, direction::text, edges, text_zh, text_en from ref.feature "
            f"where {valid} order by feature_code",
            given,
        ).fetchall()
    return ModelPolicy(
        said["label_code"],
        said["exceeds_days"],
        said["horizon_days"],
        said["settlement_days"],
        said["least_bads"],
        said["out_of_time_months"],
        tuple(row["segment_code"] for row in segments),
        tuple(feature_from_row(row) for row in features),
    )


def _features_sql(model_code: str) -> str:
    """Features on month-ends with the segment of the day; the macro compiles it for the run."""
    return (
        "select features.*, features.business_date as as_of, segments.segment_code from ({{ loan_features("
        + _quoted(MONTH_ENDS)
        + ") }}) as features join {{ policy('risk_segment') }} as segments "
        "on features.observed_days_past_due >= segments.from_days_past_due "
        "and features.observed_days_past_due <= coalesce(segments.to_days_past_due, features.observed_days_past_due) "
        "and coalesce(segments.was_ever_late, features.observed_late_days_max_ever > 0) "
        "= (features.observed_late_days_max_ever > 0) "
        f"where features.observed_is_live and segments.model_code = '{model_code}' "
        "order by features.business_date, features.loan_id"
    )


def _outcomes_sql(exceeds_days: int) -> str:
    return "{{ loan_outcomes(" + _quoted(EVERY_LOAN) + f", {exceeds_days}) }}}} order by 1, 2, 3"


def _quoted(relation: str) -> str:
    """A relation as a string of the template; its own places are filled by the template, not by the database."""
    parts = relation.replace("\n", " ").replace("{{ run_id() }}", '" ~ run_id() ~ "')
    return '"' + parts.replace("{{ business_date() }}", '" ~ business_date() ~ "') + '"'
