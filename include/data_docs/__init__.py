"""Great Expectations' Data Docs of a run as a few plain pages: its own renderers, in a frame of ours.

GX's frame loads styles, scripts and a logo from other people's servers and prints the time of day. A page about a
lender's audit asks nobody for anything, reads the same offline, and comes out the same every time it is made.
"""

import itertools
from pathlib import Path
from typing import Any

from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResultSchema
from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
from great_expectations.render.view import DefaultJinjaPageView
from jinja2 import ChoiceLoader, FileSystemLoader

import include.quality  # noqa: F401 - the forms of expectation that results name have to be known

FRAME = Path(__file__).parent


class _Page(DefaultJinjaPageView):
    """GX's view of a page, its frame replaced and its random element names replaced by a count."""

    def __init__(self) -> None:
        self._number = itertools.count(1)
        super().__init__()
        self.env.loader = ChoiceLoader([FileSystemLoader(FRAME), self.env.loader])

    def generate_html_element_uuid(self, prefix: str | None = None) -> str:
        return f"{prefix or ''}{next(self._number)}"


def render_data_docs(stages: dict[str, list[dict[str, Any]]], facts: dict[str, str]) -> dict[str, bytes]:
    """The pages by file name: ``index.html`` and one a checked table.

    stages: what ``Checked.to_json`` kept, by stage. facts: what the index says about the run (run_id, business_date).
    """
    pages = {"index.html": _index(stages, facts)}
    for tables in stages.values():
        for one in tables:
            pages[f"{one['table']}.html"] = _table(one, facts)
    return {name: text.encode() for name, text in pages.items()}


def _table(one: dict[str, Any], facts: dict[str, str]) -> str:
    result = ExpectationSuiteValidationResultSchema().load(one["result"])
    document = ValidationResultsPageRenderer(run_info_at_end=True).render(result)
    # the first section repeats the index, the last one says when and where GX ran
    document.sections = [
        section for section in document.sections if section.section_name not in ("Overview", "Run Info")
    ]
    return _Page().render(document, facts=facts, table=one["table"], outcomes=one["outcomes"])


def _index(stages: dict[str, list[dict[str, Any]]], facts: dict[str, str]) -> str:
    environment = _Page().env
    return environment.get_template("index.j2").render(facts=facts, stages=stages)
