"""The daily report as a page: both languages everywhere, nothing from outside, and no word that is not ours."""

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from include.digest import Source
from include.policy import policy_records
from include.report import both, points, report_html, say, texts
from include.report.charts import Line, chart
from include.report.facts import Listed, Scored, Signal, TrendDay
from tests.support.report_example import FACTS, TODAY


class Shown(HTMLParser):
    """The texts of a page with the language that each is in; numbers, dates and codes are in none."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.stack: list[tuple[str, str | None]] = []
        self.texts: list[tuple[str | None, str]] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "input", "br", "line", "rect", "path", "circle"):
            self.stack.append((tag, dict(attrs).get("lang")))

    def handle_endtag(self, tag: str) -> None:
        if self.stack and self.stack[-1][0] == tag:
            self.stack.pop()

    def handle_data(self, data: str) -> None:
        tags = [tag for tag, _ in self.stack]
        if data.strip() and not {"style", "title", "code", "label"} & set(tags):
            languages = [language for tag, language in self.stack if language and tag == "span"]
            self.texts.append((languages[0] if languages else None, data.strip()))


def words(page: bytes, language: str | None) -> str:
    return " ".join(text for of, text in Shown(page).texts if of == language)


def test_every_word_stands_in_both_languages() -> None:
    page = report_html(FACTS, "zh-CN")
    assert not re.search(r"[\u4e00-\u9fff]|[A-Za-z]{2}", words(page, None)), "words outside of a language"
    assert not re.search(r"[\u4e00-\u9fff]", words(page, "en"))
    chinese = words(page, "zh-CN")
    assert not re.search(r"[a-z]{3}", chinese.replace("a" * 16, "")), chinese
    spans = [of for of, _ in Shown(page).texts if of]
    assert spans.count("zh-CN") > 100


def test_the_catalogue_has_two_different_texts_for_every_key_with_the_same_places() -> None:
    for key, (zh, en) in texts().items():
        assert zh.strip() and en.strip(), key
        assert re.search(r"[\u4e00-\u9fff]", zh), key
        assert not re.search(r"[\u4e00-\u9fff]", en), key
        assert sorted(re.findall(r"{(\w+)}", zh)) == sorted(re.findall(r"{(\w+)}", en)), key


@pytest.mark.parametrize(
    ("policy", "column", "prefix"),
    [
        ("signal", "signal_code", "signal"),
        ("signal_severity", "severity", "severity"),
        ("delinquency_bucket", "delinquency_bucket", "bucket"),
        ("contact_rule", "rule_code", "block"),
        ("contact_stop_rule", "stop_code", "block"),
        ("contact_channel", "channel_code", "channel"),
        ("contact_channel", "channel_layer", "layer"),
        ("risk_segment", "model_code", "model"),
        ("lane_routing", "lane_code", "lane"),
        ("lane_routing", "lane_owner", "owner"),
    ],
)
def test_every_code_that_policy_can_put_on_a_list_has_words(policy: str, column: str, prefix: str) -> None:
    codes = {row[column] for row in policy_records(policy)}
    assert {code for code in codes if f"{prefix}.{code}" not in texts()} == set()


def test_the_language_of_the_installation_comes_first_and_nothing_else_differs() -> None:
    chinese, english = report_html(FACTS, "zh-CN").decode(), report_html(FACTS, "en").decode()
    assert '<input type="radio" name="language" id="zh" checked' in chinese
    assert '<input type="radio" name="language" id="en" checked' in english
    assert chinese[chinese.index("<header>") :] == english[english.index("<header>") :]


def test_the_page_asks_nobody_for_anything_and_runs_no_script() -> None:
    page = report_html(FACTS, "en").decode()
    assert not re.search(r"<script|<link|<img|<iframe|@import|url\(|https?:| on\w+=", page)
    assert "default-src 'none'" in page


def test_the_same_facts_give_the_same_bytes() -> None:
    assert report_html(FACTS, "en") == report_html(replace(FACTS), "en")


def test_what_is_no_plain_code_is_not_repeated() -> None:
    planted = "13800138000"
    strange = replace(
        FACTS,
        listed=[Listed(planted, planted, planted, 1)],
        signals=[Signal("欧阳金丝雀", 1, 0, 0), Signal("<b>bold</b>", 1, 0, 0)],
        scored=[Scored("SCORED", "late30_in_90d", planted, None, 1)],
        day=replace(FACTS.day, stale=[Source("11010519900307987X", None)]),
    )
    page = report_html(strange, "en").decode()
    assert not re.search("13800138000|欧阳金丝雀|<b>bold|11010519900307987X", page)
    assert "???" in page


def test_values_are_escaped_in_both_languages() -> None:
    assert both("<i>", "<b>").__html__() == '<span lang="zh-CN">&lt;i&gt;</span><span lang="en">&lt;b&gt;</span>'
    assert "&lt;script&gt;" in say("oldest_break", day="<script>").en


def test_early_warnings_stand_apart_even_when_there_are_none() -> None:
    page = report_html(replace(FACTS, listed=[Listed("COLLECTIONS", "RED", "UP", 2)]), "en").decode()
    assert re.findall(r'data-fact="lane\.(\d)">(\d+)', page) == [("1", "0"), ("2", "2")]


def test_who_came_onto_the_list_follows_from_its_sizes_and_from_who_left() -> None:
    assert FACTS.entered == [None, 1, 5]
    unknown = replace(FACTS, trend=[*FACTS.trend[:1], TrendDay(TODAY, {}, None, 2)])
    assert unknown.entered == [None, None]


def test_plan_exemptions_and_gaps_add_up_to_the_live_loans() -> None:
    assert FACTS.coverage.live == 10
    assert FACTS.coverage.due == 7


def test_a_signal_whose_time_has_not_come_claims_nothing() -> None:
    page = words(report_html(FACTS, "en"), "en")
    assert "the whole list" in page
    assert "37.50%" in words(report_html(FACTS, "en"), None), "3 of 8 came true"
    assert "75.00%" in words(report_html(FACTS, "en"), None), "3 of 4 late loans were warned of"
    assert page.count("NOT MATURE") == 1
    assert FACTS.quality[1].recall is None


def test_a_demonstration_card_is_watermarked_and_rules_only_is_said() -> None:
    assert "no model was used" in report_html(FACTS, "en").decode()
    demo = replace(FACTS, scored=[Scored("SCORED", "late30_in_90d", "2026.1", "SAMPLE BANK", 10)])
    page = report_html(demo, "en").decode()
    assert "<code>2026.1</code>" in page
    assert "demonstration model: not for production" in page
    assert "no model was used" not in page


def test_a_day_without_a_value_breaks_the_line_and_a_date_never_published_keeps_its_room() -> None:
    days = [TODAY, TODAY + timedelta(days=1), TODAY + timedelta(days=2), TODAY + timedelta(days=10)]
    drawn = chart("trend_listed", days, [Line("listed", "first", [10, 20, None, 5])], str)
    assert drawn is not None
    assert drawn.lines[0].path == "M8.0 87.0 L42.4 22.0 M352.0 119.5"
    assert drawn.lines[0].last == "5"
    assert [label for _, label in drawn.grid][-1] == "20"


def test_one_day_or_no_value_draws_nothing() -> None:
    line = Line("listed", "first", [None, None])
    assert chart("trend_listed", [TODAY, TODAY + timedelta(days=1)], [line], str) is None
    assert chart("trend_listed", [TODAY], [Line("listed", "first", [3])], str) is None
    first = replace(FACTS, trend=FACTS.trend[-1:], day=replace(FACTS.day, base_date=None, base_portfolio={}))
    assert "the first publication" in report_html(first, "en").decode()


def test_nothing_has_no_sign_of_less_than_nothing() -> None:
    assert points(Decimal("-0.00001")) == "+0.00%"
    assert points(Decimal("-0.0123")) == "-1.23%"
