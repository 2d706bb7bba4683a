"""What a keyframe proves: loans that nothing touched must come out as the base shows them.

Where code or policy differ from the base's, a difference is the effect of that change and is reported. Otherwise it is
a loan that the touched set forgot: critical, because yesterday's list was wrong for it.
"""

import logging

from include.errors import AuditError
from include.warehouse.compare import Difference, differences
from include.warehouse.runs import Job, load_run

log = logging.getLogger(__name__)
CARRIED = {
    "loan_position": "loan_id",
    "loan_feature": "loan_id",
    "loan_signal": "loan_id",
    "use_of_proceeds_check": "loan_id",
}


def compare_with_base(job: Job) -> dict[str, int]:
    """Compare every carried loan with the base's fold. Returns rows that differ by data set.

    Raises AuditError when they differ and neither code nor policy did.
    """
    run = job.run
    if not run.is_keyframe or run.base_run_id is None or run.kind == "rebuild":
        return {}
    carried = (
        f"shown.loan_id in (select touched.loan_id from published.touched_loan as touched "
        f"where touched.business_date = date '{run.business_date}' and touched.run_id = '{run.run_id}' "
        f"and touched.is_carried)"
    )
    found = differences(job.connection, run.base_run_id, run.run_id, data_sets=tuple(CARRIED), only_keys=carried)
    base = load_run(job.connection, run.base_run_id)
    has_changed_rules = base.code_hash != run.code_hash or base.policy_hash != run.policy_hash
    if found and not has_changed_rules:
        raise AuditError(
            f"keyframe of {run.business_date}: loans that nothing touched differ from base {run.base_run_id}: "
            + "; ".join(_describe(difference) for difference in found),
            next_command=f"postloan diff {run.base_run_id} {run.run_id}",
        )
    job.connection.execute("delete from ops.run_effect where run_id = %s", (run.run_id,))
    for difference in found:
        log.info("effect of the changed rules: %s", _describe(difference))
        for column, count in (difference.columns | _row_changes(difference)).items():
            job.connection.execute(
                "insert into ops.run_effect values (%s, %s, %s, %s)", (run.run_id, difference.data_set, column, count)
            )
    return {difference.data_set: difference.row_count for difference in found}


def _row_changes(difference: Difference) -> dict[str, int]:
    counts = {"(row gone)": difference.only_left, "(row new)": difference.only_right}
    return {name: count for name, count in counts.items() if count}


def _describe(difference: Difference) -> str:
    columns = ", ".join(f"{name} {count}" for name, count in sorted(difference.columns.items()))
    return (
        f"{difference.data_set}: {difference.row_count} rows ({columns or 'rows come or go'}), "
        f"for example {', '.join(difference.sample)}"
    )
