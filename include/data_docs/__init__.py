"""Great Expectations' Data Docs of a run as a few plain pages: its own renderers, in a frame of ours.

GX's frame loads styles, scripts and a logo from other people's servers and prints the time of day. A page about a
lender's audit asks nobody for anything, reads the same offline, and comes out the same every time it is made.
"""

import itertools
from pathlib import Path
from typing import Any

from great_expectations.core.expectation_validation_result import (
    ExpectationSuiteValidationResult,
    ExpectationSuiteValidationResultSchema,
)
from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
from great_expectations.render.view import DefaultJinjaPageView
from jinja2 import ChoiceLoader, FileSystemLoader

import include.quality  # noqa: F401 - the forms of expectation that results name have to be known

FRAME = Path(__file__).parent


class _Page(DefaultJinjaPageView):
    """GX's view of a page in our frame."""

    def __init__(self) -> None:
        super().__init__()
        self.env.loader = ChoiceLoader([FileSystemLoader(FRAME), self.env.loader])


def render_data_docs(kept: list[dict[str, Any]], facts: dict[str, str]) -> dict[str, bytes]:
    """The pages by file name: ``index.html`` and one a checked table.

    kept: rows of ``ops.audit_result``, in the order in which they are shown. facts: the run (run_id, business_date).
    """
    tables = {
        (stage, table): list(rows)
        for (stage, table), rows in itertools.groupby(kept, lambda one: (one["stage"], one["table_name"]))
    }
    pages = {"index.html": _Page().env.get_template("index.j2").render(facts=facts, tables=tables)}
    for (_, table), outcomes in tables.items():
        pages[f"{table}.html"] = _table_page(table, outcomes, facts)
    return {name: text.encode() for name, text in pages.items()}


def _table_page(table: str, outcomes: list[dict[str, Any]], facts: dict[str, str]) -> str:
    document = ValidationResultsPageRenderer(run_info_at_end=True).render(_as_gx_result(table, outcomes))
    # the first section repeats the index, the last one says when and where GX ran
    document.sections = [one for one in document.sections if one.section_name not in ("Overview", "Run Info")]
    return _Page().render(document, facts=facts, table=table, outcomes=outcomes)


def _as_gx_result(table: str, outcomes: list[dict[str, Any]]) -> ExpectationSuiteValidationResult:
    """The result of the suite as GX had it, put together again from what was kept."""
    passed = sum(one["outcome"] == "PASS" for one in outcomes)
    return ExpectationSuiteValidationResultSchema().load(
        {
            "success": passed == len(outcomes),
            "suite_name": table,
            "suite_parameters": {},
            "meta": {},
            "statistics": {
                "evaluated_expectations": len(outcomes),
                "successful_expectations": passed,
                "unsuccessful_expectations": len(outcomes) - passed,
                "success_percent": 100 * passed / len(outcomes),
            },
            "results": [
                {
                    "success": one["outcome"] == "PASS",
                    "expectation_config": one["expectation"],
                    "result": one["details"],
                    "meta": {},
                    # what went wrong stands below the table; GX would want a traceback
                    "exception_info": {
                        "raised_exception": False,
                        "exception_message": None,
                        "exception_traceback": None,
                    },
                }
                for one in outcomes
            ],
        }
    )
