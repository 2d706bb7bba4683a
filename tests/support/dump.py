"""Every output of a warehouse as text, in the order of its keys: two warehouses that agree give the same bytes."""

from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.data_sets import load_data_sets

# the attempt log and who pressed the button are not output
LEDGER = {
    "ops.load_batch": "batch_id",
    "ops.load_file": "batch_id, file_name",
    "ops.run_input": "run_id, batch_id",
    "ops.run_chain": "run_id, depth",
    "ops.run_source": "run_id, system",
    "ops.publication": "business_date, data_set",
    "ops.run_manifest": "run_id, data_set",
    "ops.restatement_due": "business_date, batch_id",
    "quarantine.rows": "batch_id, line_no",
    "vault.quarantine_text": "batch_id, line_no",
}
RUNS = (
    "select run_id, business_date, known_date, kind, is_keyframe, base_run_id, status, is_sealed "
    "from ops.run order by run_id"
)


def canonical_dump(settings: Settings) -> dict[str, bytes]:
    """Bytes by table."""
    queries = {f"{table}": f"select * from {table} order by {key}" for table, key in LEDGER.items()}
    queries["ops.run"] = RUNS
    for name, data_set in load_data_sets().items():
        key = ", ".join(("business_date", "run_id", *data_set.key))
        queries[f"published.{name}"] = f"select * from published.{name} order by {key}"
    with connect(settings, role="postloan_owner", application_name="postloan:test") as connection:
        raw = connection.execute(
            "select relname from pg_class where relnamespace = 'raw'::regnamespace and relkind = 'r'"
        ).fetchall()
        for (table,) in raw:
            order = "_batch_id, _line_no" if not table.endswith("__superseded") else "1, 2, 3"
            queries[f"raw.{table}"] = f"select * from raw.{table} order by {order}"
        dump = {}
        for name, query in queries.items():
            with connection.cursor().copy(f"copy ({query}) to stdout") as copy:
                dump[name] = b"".join(bytes(block) for block in copy)
    return dump
