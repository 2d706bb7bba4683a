# Two commands are all a new reader needs: `make run` and `make test`. Each prepares what this machine lacks.
.PHONY: run test check bench down environment
.SILENT:
unexport PYTHONDONTWRITEBYTECODE
PYTHON := .venv/bin/python -m

run: environment ## the sample bank's last dates through the real Airflow; lists as tables; then Airflow's address
	$(PYTHON) include.cli demo

test: environment ## every test
	$(PYTHON) pytest -n 3

check: environment ## style, types, SQL and the direction of imports
	.venv/bin/python .ci/check.py

bench: environment ## side-by-side measurements; each prints a ratio
	for script in bench/*.py; do $(PYTHON) bench.$$(basename $$script .py) || exit 1; done

down: environment ## stop everything that `make run` or `postloan up` started
	$(PYTHON) include.cli down

environment:
	sh .ci/environment
