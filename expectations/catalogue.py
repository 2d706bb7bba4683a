"""Which suites there are and when they are run. A new checked table is one file: ``STAGE``, and ``suite(scope)``."""

import re
from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules

from great_expectations.core import ExpectationSuite

import expectations
from expectations.scope import Scope

SuiteOf = Callable[[Scope], ExpectationSuite]


def _discover() -> dict[str, dict[str, SuiteOf]]:
    stages: dict[str, dict[str, SuiteOf]] = {"marts": {}, "lists": {}}
    for name in sorted(module.name for module in iter_modules(expectations.__path__) if module.name != "catalogue"):
        module = import_module(f"expectations.{name}")
        if hasattr(module, "STAGE"):
            stages[module.STAGE][name] = module.suite
    return stages


# by stage (after transform, after decide) and checked table
STAGES = _discover()


def suites(stage: str, scope: Scope) -> dict[str, ExpectationSuite]:
    """Suites by checked table, in the order in which they are run."""
    return {table: suite_of(scope) for table, suite_of in STAGES[stage].items()}


def tables_read(stage: str, scope: Scope) -> set[str]:
    """Every data set of the candidate that a rule of the stage names, the checked ones included."""
    found = set(STAGES[stage])
    for suite in suites(stage, scope).values():
        for expectation in suite.expectations:
            text = f"{getattr(expectation, 'query', '')} {getattr(expectation, 'where', '')}"
            found |= set(re.findall(rf"\b{scope.candidate}\.(\w+)", text))
    return found
