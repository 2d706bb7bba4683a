"""Rules that every DAG keeps, and that the next one has to keep too."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

DAGS_FOLDER = Path(__file__).resolve().parents[2] / "dags"

RUNBOOK = DAGS_FOLDER.parent / "docs" / "runbook.md"
FILES = sorted(DAGS_FOLDER.rglob("*.py"))
TIERS = {"tier_1", "tier_2", "tier_3"}
HEAVY = {
    "pandas",
    "numpy",
    "dbt",
    "great_expectations",
    "duckdb",
    "pyarrow",
    "sqlalchemy",
    "psycopg",
    "scoring",
    "models",
}
SHELLS = re.compile(r"BashOperator|task\.bash|subprocess|os\.system|os\.popen|SSHOperator")
DATABASE_AT_PARSE = re.compile(r"\bVariable\b|\bConnection\b|\bget_connection\b|\bBaseHook\b")
OTHER_DATES = re.compile(r"\blogical_date\b|\bexecution_date\b|\bdata_interval\w*|\bds(_nodash)?\b|\bprev_\w*date\b")
CLOCKS = re.compile(r"\b(datetime|date|pendulum|timezone)\.(now|utcnow|today)\b|\butcnow\b")


def code_of(source: str) -> str:
    """The source without docstrings and comments: words there break no rule."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and ast.get_docstring(
            node
        ):
            node.body[0] = ast.Pass()
    return ast.unparse(tree)


def code_at_parse(source: str) -> str:
    """What runs when the file is read: all but the bodies of functions, of which a DAG's own is run."""
    tree = ast.parse(code_of(source))
    for node in ast.walk(tree):
        is_dag = isinstance(node, ast.FunctionDef) and any("dag" in ast.unparse(one) for one in node.decorator_list)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not is_dag:
            node.body = [ast.Pass()]
    return ast.unparse(tree)


def imports_at_the_top(source: str) -> set[str]:
    """Every package imported when the file is read, by its first name; those inside functions are not."""
    found = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def broken_rules(source: str) -> Iterator[str]:
    """Which rules of a DAG file's text are broken."""
    code = code_of(source)
    if found := DATABASE_AT_PARSE.search(code_at_parse(source)):
        yield f"asks a database at each parse: {found[0]}"
    for rule, pattern in {
        "starts a shell": SHELLS,
        "knows a date besides the partition key": OTHER_DATES,
        "reads the clock": CLOCKS,
    }.items():
        if found := pattern.search(code):
            yield f"{rule}: {found[0]}"
    if heavy := imports_at_the_top(source) & HEAVY:
        yield f"imports at the top: {', '.join(sorted(heavy))}"


@pytest.fixture(scope="session", params=["model_monthly", "month_close", "post_loan_daily", "restate"])
def a_dag(request: pytest.FixtureRequest, dag_bag: Any) -> Any:
    return dag_bag.dags[request.param]


def test_every_dag_file_can_be_read(dag_bag: Any) -> None:
    assert dag_bag.import_errors == {}
    assert sorted(dag_bag.dags) == ["model_monthly", "month_close", "post_loan_daily", "restate"]


def test_reading_all_dag_files_loads_no_heavy_library() -> None:
    program = (
        "import sys; from airflow.dag_processing.dagbag import DagBag; before = set(sys.modules);"
        f"bag = DagBag({str(DAGS_FOLDER)!r}); assert len(bag.dags) == 4, bag.import_errors;"
        f"print('heavy:', sorted({{name.split('.')[0] for name in set(sys.modules) - before}} & {HEAVY!r}))"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert shown.splitlines()[-1] == "heavy: []"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_dag_file_keeps_the_rules(file: Path) -> None:
    assert list(broken_rules(file.read_text())) == []


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("from airflow.providers.standard.operators.bash import BashOperator", "starts a shell: BashOperator"),
        ("@task.bash\ndef run(): return 'ls'", "starts a shell: task.bash"),
        ("ZONE = Variable.get('zone')", "asks a database at each parse: Variable"),
        ("@dag()\ndef daily():\n    BaseHook.get_connection('x')", "asks a database at each parse: BaseHook"),
        ("DAY = '{{ ds }}'", "knows a date besides the partition key: ds"),
        ("def run(context): return context['logical_date']", "knows a date besides the partition key: logical_date"),
        ("START = datetime.now()", "reads the clock: datetime.now"),
        ("from pandas import DataFrame", "imports at the top: pandas"),
    ],
)
def test_a_broken_rule_is_noticed(source: str, rule: str) -> None:
    assert list(broken_rules(source)) == [rule]


def test_only_what_waits_or_warns_of_lateness_looks_at_the_clock() -> None:
    looking = [file.stem for file in FILES if re.search(r"\btime\.time\b", code_of(file.read_text()))]
    assert looking == ["delivery_wait", "publish_deadline"]


def test_a_dag_is_named_like_its_file(a_dag: Any) -> None:
    assert Path(a_dag.fileloc).stem == a_dag.dag_id


def test_a_dag_says_what_it_is_and_what_red_means(a_dag: Any) -> None:
    assert "**If it is red:**" in a_dag.doc_md


def test_a_dag_has_one_owner_and_one_tier(a_dag: Any) -> None:
    assert {task.owner for task in a_dag.tasks} == {"post_loan_risk"}
    assert len(a_dag.tags & TIERS) == 1


def test_two_runs_of_a_dag_never_write_side_by_side(a_dag: Any) -> None:
    assert a_dag.max_active_runs == 1


def test_every_failed_run_is_told_to_people_once(a_dag: Any) -> None:
    assert a_dag.on_failure_callback.__name__ == "send_failure_digest"
    assert all(task.retries == 2 and task.retry_policy for task in a_dag.tasks)


def test_every_parameter_has_a_type_and_a_form(a_dag: Any) -> None:
    for name in a_dag.params:
        assert_is_typed(name, a_dag.params.get_param(name).schema)


def assert_is_typed(name: str, schema: dict[str, Any]) -> None:
    types = {schema["type"]} if isinstance(schema["type"], str) else set(schema["type"])
    if "string" in types:
        assert "pattern" in schema, f"{name} takes any text"
    if "array" in types:
        assert_is_typed(f"each of {name}", schema["items"])
    if "integer" in types:
        assert {"minimum", "maximum"} <= set(schema), f"{name} takes any number"


def test_every_task_has_a_heading_in_the_runbook(dag_bag: Any) -> None:
    headings = set(re.findall(r"^#+ `(\w+)`", RUNBOOK.read_text(), flags=re.MULTILINE))
    tasks = {task.task_id for dag in dag_bag.dags.values() for task in dag.tasks}
    assert tasks - headings == set(), "tasks that no page helps with"
    assert headings - tasks - set(dag_bag.dags) == set(), "headings of tasks that no longer exist"
