"""What a reader sees of a data set: the one place that states how keyframes and deltas fold along the base chain.

Per loan (or borrower) the fold finds the last run in the chain that touched it and takes all rows of exactly that run:
none, one or many. A cleared signal or a withdrawn loan therefore needs no tombstone.

A run has one date, so "the same date and the same run" is one condition; the planner takes it for two, multiplies, and
expects one row where there are a hundred thousand: a join of two such views then runs one inside the other. The run is
therefore compared by a function, of which the planner only assumes that it holds for a third of the rows.
"""

from include.warehouse.data_sets import TOUCH_KEY, DataSet

# Where the runs come from: (relation with alias "pointer", its date column, condition)
PUBLISHED = ("ops.publication as pointer", "pointer.data_set = '{name}'")
# the run under way; a person who looks into a refused one says: set postloan.run = '<run_id>'
CANDIDATE = (
    "ops.run as pointer",
    "pointer.run_id = coalesce("
    "nullif(current_setting('postloan.run', true), ''), (select writer.run_id from ops.writer as writer))",
)
ONE_RUN = ("ops.run as pointer", "pointer.run_id = %(run_id)s")


def fold_sql(data_set: DataSet, pointers: tuple[str, str]) -> str:
    """A select of ``as_of_date``, the computed clocks and every stored column, for each run that ``pointers`` names."""
    relation, condition = pointers[0], pointers[1].format(name=data_set.name)
    if data_set.fold in TOUCH_KEY:
        source = _last_touch(TOUCH_KEY[data_set.fold], data_set.fold, relation, condition)
        key = TOUCH_KEY[data_set.fold]
        rows = (
            f"(\n{source}\n    ) as touch\n"
            f"    join published.{data_set.name} as stored\n"
            f"        on stored.business_date = touch.business_date\n"
            f"        and texteq(stored.run_id, touch.run_id)\n"
            f"        and stored.{key} = touch.{key}"
        )
        as_of_date = "touch.as_of_date"
    else:
        rows = (
            f"{relation}\n"
            f"    join published.{data_set.name} as stored\n"
            f"        on stored.business_date = pointer.business_date and texteq(stored.run_id, pointer.run_id)\n"
            f"    where {condition}"
        )
        as_of_date = "pointer.business_date"
    stored = ", ".join(f"stored.{name}" for name in data_set.column_names)
    clocks = "".join(f"{sql} as {name}, " for name, sql in data_set.serving_columns.items())
    names = ", ".join(data_set.column_names)
    return (
        f"select as_of_date, {clocks}{names}\n"
        f"from (\n    select {as_of_date} as as_of_date, {stored}\n    from {rows}\n) as folded"
    )


def _last_touch(key: str, touched: str, relation: str, condition: str) -> str:
    return (
        f"        select distinct on (pointer.business_date, pointer.run_id, touched.{key})\n"
        f"            pointer.business_date as as_of_date, touched.{key}, touched.run_id, touched.business_date\n"
        f"        from {relation}\n"
        f"        join ops.run_chain as chain on chain.run_id = pointer.run_id\n"
        f"        join published.{touched} as touched\n"
        f"            on touched.business_date = chain.ancestor_business_date\n"
        f"            and texteq(touched.run_id, chain.ancestor_run_id)\n"
        f"        where {condition}\n"
        f"        order by pointer.business_date, pointer.run_id, touched.{key}, chain.depth"
    )
