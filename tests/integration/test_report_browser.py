"""The daily report in a real browser: all of it at two widths and on paper, in both languages, asking nobody."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from include.report import report_html
from tests.support.report_example import WIDEST

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@dataclass
class Seen:
    """What a browser met while it showed the page."""

    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no chromium or google-chrome in PATH: the report was not looked at in a browser")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as player:
        # as root the browser has no sandbox of its own; it opens nothing but our file
        opened = player.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


def opened(browser: Any, folder: Path, seen: Seen, **options: Any) -> Any:
    path = folder / "report.html"
    path.write_bytes(report_html(WIDEST, "zh-CN"))
    page = browser.new_page(**options)
    page.on("request", lambda request: seen.requests.append(request.url))
    page.on("console", lambda message: seen.complaints.append(message.text))
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.goto(path.as_uri())
    return page


VISIBLE = """() => {
    const found = []
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    while (walk.nextNode()) {
        const parent = walk.currentNode.parentElement, text = walk.currentNode.textContent.trim()
        if (text && parent.checkVisibility() && !parent.closest('code, .switch')) found.push(text)
    }
    return found
}"""
TOO_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_it_at_both_widths_without_a_complaint_or_a_request(
    browser: Any, tmp_path: Path, width: int, scheme: Any
) -> None:
    seen = Seen()
    page = opened(browser, tmp_path, seen, viewport={"width": width, "height": 900}, color_scheme=scheme)
    for language in ("zh", "en"):
        page.click(f"label[for={language}]")
        for details in page.query_selector_all("details"):
            details.evaluate("one => one.open = true")
        assert page.evaluate(TOO_WIDE) == 0, language
    ink, ground = page.evaluate(
        "() => [getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    assert (sum(map(int, re.findall(r"\d+", ink))) > 384) is (scheme == "dark")
    assert (sum(map(int, re.findall(r"\d+", ground))) > 384) is (scheme == "light")
    assert seen.requests == [(tmp_path / "report.html").as_uri()]
    assert seen.complaints == []
    page.close()


def test_the_switch_changes_every_text_and_needs_no_reload(browser: Any, tmp_path: Path) -> None:
    seen = Seen()
    page = opened(browser, tmp_path, seen, viewport={"width": 1280, "height": 900})
    chinese = page.evaluate(VISIBLE)
    page.click("label[for=en]")
    english = page.evaluate(VISIBLE)
    page.click("label[for=zh]")
    assert page.evaluate(VISIBLE) == chinese
    assert any("贷后风险日报" in text for text in chinese)
    assert any("Post-loan daily report" in text for text in english)
    assert [text for text in english if re.search(r"[\u4e00-\u9fff]", text)] == []
    own = re.compile(f"{WIDEST.day.run_id}|M[1-7]|CNY")
    assert [text for text in chinese if re.search(r"[A-Za-z]{2}", own.sub("", text))] == []
    assert len(seen.requests) == 1
    page.close()


def test_on_paper_everything_stands_in_the_width_of_the_sheet(browser: Any, tmp_path: Path) -> None:
    page = opened(browser, tmp_path, Seen(), viewport={"width": 718, "height": 1000})  # A4 less its margins
    page.emulate_media(media="print")
    assert page.evaluate(TOO_WIDE) == 0
    assert not page.is_visible(".switch")
    assert page.pdf(format="A4").startswith(b"%PDF")
    page.close()
