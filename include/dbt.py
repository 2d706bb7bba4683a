"""dbt in process: one invocation a layer. A process per model would cost 6 to 15 times as much."""

import contextlib
import gc
import os
from collections.abc import Callable, Iterator
from typing import Any

from include.dbt_shortcuts import shortcuts
from include.errors import PostloanError
from include.settings import DBT_PROJECT_DIR, Settings
from include.warehouse.connection import dbt_environment

_manifests: dict[str, Any] = {}  # by database: a manifest names the one it was parsed for


def invoke(settings: Settings, command: list[str], context: dict[str, str]) -> list[dict]:
    """Run ``dbt <command>`` with the run's context in the environment.

    Returns one record a node: model, status, rows_written, seconds, message. Raises PostloanError naming the first
    model that failed and the database's own words.
    """
    from dbt.cli.main import dbtRunner  # two seconds of import that only the tasks which use dbt pay

    place = settings.home / "dbt"
    arguments = [
        *command,
        "--project-dir", str(DBT_PROJECT_DIR),
        "--profiles-dir", str(DBT_PROJECT_DIR),
        "--target-path", str(place / "target"),
        "--log-path", str(place / "logs"),
        "--log-level", "none",
        "--log-level-file", "none",  # what went wrong is kept below; dbt formats every event, a sixth of a small day
        "--no-use-colors",
        "--no-write-json",  # nobody reads the artefacts, and writing them takes a fifth of a small day
    ]  # fmt: skip
    manifest = _manifests.get(dbt_environment(settings)["POSTLOAN_DBT_DBNAME"])
    _forget_compiled(manifest)
    troubles: list[str] = []
    with _environment(_surroundings(settings, context)), shortcuts():
        outcome = dbtRunner(manifest=manifest, callbacks=[_keeper_of(troubles)]).invoke(arguments)
    if outcome.exception is not None and not troubles:
        troubles.append(str(outcome.exception))
    log_file = place / "logs" / "dbt.log"
    if troubles:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        log_file.write_text("\n\n".join(troubles) + "\n", encoding="utf-8")
    if outcome.exception is not None and outcome.result is None:
        raise PostloanError(
            f"dbt {command[0]} failed before its first model: {outcome.exception}",
            next_command=f"less {log_file}",
        ) from outcome.exception
    records = [_record(result) for result in getattr(outcome.result, "results", [])]
    failed = [record for record in records if record["status"] in ("error", "fail", "runtime error")]
    if failed:
        raise PostloanError(
            f"dbt {command[0]}: {failed[0]['model']} failed: {failed[0]['message']}"
            + (f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""),
            next_command=f"less {log_file}",
        )
    return records


def compiled(settings: Settings, text: str, context: dict[str, str]) -> str:
    """SQL with the project's macros in it as the database is to read it. Raises PostloanError when dbt cannot."""
    from dbt.cli.main import dbtRunner

    place = settings.home / "dbt"
    with _environment(_surroundings(settings, context)), shortcuts():
        outcome = dbtRunner(manifest=_manifests.get(dbt_environment(settings)["POSTLOAN_DBT_DBNAME"])).invoke(
            ["compile", "--inline", text, "--quiet", "--no-write-json", "--log-level", "none",
             "--project-dir", str(DBT_PROJECT_DIR), "--profiles-dir", str(DBT_PROJECT_DIR),
             "--target-path", str(place / "target"), "--log-path", str(place / "logs")]
        )  # fmt: skip
    if not outcome.success:
        raise PostloanError(
            f"SQL that does not compile: {outcome.exception}", next_command=f"less {place / 'logs' / 'dbt.log'}"
        )
    return str(outcome.result.results[0].node.compiled_code)


def keep_manifest(settings: Settings) -> None:
    """Parse the project once for all later invocations of this process: long backfills save seconds a date."""
    from dbt.cli.main import dbtRunner

    place = settings.home / "dbt"
    with _environment(dbt_environment(settings)), shortcuts():
        outcome = dbtRunner().invoke(
            ["parse", "--project-dir", str(DBT_PROJECT_DIR), "--profiles-dir", str(DBT_PROJECT_DIR),
             "--target-path", str(place / "target"), "--log-path", str(place / "logs"), "--log-level", "none"]
        )  # fmt: skip
    if outcome.exception is not None:
        raise PostloanError(f"the dbt project does not parse: {outcome.exception}") from outcome.exception
    _manifests[dbt_environment(settings)["POSTLOAN_DBT_DBNAME"]] = outcome.result
    gc.freeze()  # a manifest is many objects that stay: collecting over them is a tenth of a small transform


def _keeper_of(troubles: list[str]) -> Callable[[Any], None]:
    """Keeps what dbt warns of and what fails, with its own words, less what its environment holds as secret."""

    def keep(event: Any) -> None:
        if event.info.level in ("warn", "error"):
            from dbt_common.events.functions import env_scrubber

            troubles.append(f"{event.info.level} {event.info.name}: {env_scrubber(event.info.msg)}")

    return keep


def _surroundings(settings: Settings, context: dict[str, str]) -> dict[str, str]:
    """Environment of one invocation; ``PGOPTIONS`` of the context adds to the settings of every session."""
    ours = dbt_environment(settings)
    options = " ".join(filter(None, [ours["PGOPTIONS"], context.get("PGOPTIONS")]))
    return {"PGAPPNAME": "postloan:dbt"} | ours | context | {"PGOPTIONS": options, "DO_NOT_TRACK": "1"}


def _forget_compiled(manifest: Any) -> None:
    """A kept manifest keeps what was compiled: an ephemeral model would come back with the run of the time before."""
    for node in manifest.nodes.values() if manifest else ():
        if getattr(node, "compiled", False):
            node.compiled, node.compiled_code, node._pre_injected_sql = False, None, None
            node.extra_ctes, node.extra_ctes_injected = [], False


def _record(result: Any) -> dict:
    rows = result.adapter_response.get("rows_affected")
    return {
        "model": result.node.name,
        "status": str(result.status),
        "rows_written": rows if isinstance(rows, int) and rows >= 0 else None,
        "seconds": round(result.execution_time, 3),
        "message": str(result.message or "").strip(),
    }


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
