"""``make check``: style, types, SQL and the direction of imports; runs all, then says what failed."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT_DIR = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT_DIR))

from include.settings import Settings  # noqa: E402 (the path has to be set first)
from include.warehouse import embedded  # noqa: E402
from include.warehouse.connection import dbt_environment  # noqa: E402
from include.warehouse.migrate import migrate  # noqa: E402

CHECKS = {
    "ruff check": ["ruff", "check", "."],
    "ruff format": ["ruff", "format", "--check", "."],
    "mypy (strict on scoring and models)": ["mypy", "--strict", "scoring", "models"],
    "imports point one way": ["importlinter.cli", "lint"],
    "sqlfluff": ["sqlfluff", "lint", "dbt_project/models", "--nocolor"],
}


def main() -> int:
    # dbt, which expands the templates for sqlfluff, insists on a server that answers; and to the role of its profile
    home = Path(tempfile.mkdtemp(prefix="postloan-check-"))
    home.chmod(0o711)
    settings = Settings(home=home, warehouse_url=None)
    try:
        embedded.start(settings)
        migrate(settings)
        scratch = {"DBT_TARGET_PATH": str(home / "target"), "DBT_LOG_PATH": str(home / "dbt_logs")}
        environment = os.environ | dbt_environment(settings) | scratch
        failed = [name for name, module in CHECKS.items() if not passes(name, module, environment)]
    finally:
        embedded.stop(settings)
        shutil.rmtree(home, ignore_errors=True)
    say(f"failed: {', '.join(failed)}" if failed else "all checks passed")
    return 1 if failed else 0


def passes(name: str, module: list[str], environment: dict[str, str]) -> bool:
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", *module], cwd=PROJECT_DIR, env=environment, capture_output=True, text=True, check=False
    )
    say(f"{'ok    ' if done.returncode == 0 else 'FAILED'} {name} ({time.monotonic() - started:.1f} s)")
    if done.returncode != 0:
        say((done.stdout + done.stderr).strip())
    return done.returncode == 0


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
