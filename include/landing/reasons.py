"""Why a row is refused: one code, one sentence in English and one in Chinese."""

REASONS: dict[str, tuple[str, str]] = {
    "wrong_number_of_cells": ("the row has more or fewer cells than the header", "列数与表头不符"),
    "not_a_json_object": ("the line is no JSON object", "该行不是 JSON 对象"),
    "duplicate_json_member": ("the object names a member twice", "JSON 字段重复"),
    "missing_member": ("the object lacks a member that the contract states", "缺少合同规定的字段"),
    "not_stated": ("a value is required and not stated", "必填值为空"),
    "surrounding_blanks": ("blanks stand before or after the value", "值前后有空白"),
    "control_character": ("the value holds a control character", "值含控制字符"),
    "too_long": ("the text is longer than 200 characters", "文本超过 200 字"),
    "unknown_code": ("the code is none of those that the contract states", "代码不在合同列出的范围内"),
    "wrong_form": ("the text does not have the form that the contract states", "文本格式不符合合同"),
    "wrong_date_format": ("not a date in the form that the contract states", "日期格式不符合合同约定"),
    "not_an_iso_date": ("not a date written as YYYY-MM-DD", "不是 YYYY-MM-DD 格式的日期"),
    "not_an_iso_timestamp": (
        "not a moment written as YYYY-MM-DDThh:mm:ss with its offset from UTC",
        "不是带时区偏移的 ISO 8601 时间",
    ),
    "no_such_date": ("the calendar has no such date", "日历中没有这一天"),
    "date_out_of_range": ("the date lies outside of the years that make sense", "日期超出合理范围"),
    "not_an_exact_decimal": ("not a plain decimal with the places that the contract allows", "不是合同允许位数的小数"),
    "not_an_integer": ("not a plain whole number of at most 32 bits", "不是整数"),
    "not_a_boolean": ("neither true nor false", "不是 true 或 false"),
    "out_of_bounds": ("the value is outside of the contract's bounds", "数值超出合同范围"),
    "rule_broken": ("a rule of the contract does not hold", "违反合同规则"),
    "unlawful_inquiry": ("a bureau was asked without a lawful ground", "征信查询缺少合法依据"),
    "conflicting_duplicate": (
        "the delivery states this key twice, with different values",
        "同一主键出现两次且内容不同",
    ),
    "unit_inconsistent": ("rows of one unit contradict each other", "同一单元的行互相矛盾"),
    "unit_incomplete": ("another row of the same unit was refused", "同一单元有其他行被拒绝"),
}


def reason_text(code: str, detail: str = "") -> str:
    """The sentence in both languages, with what is particular to this column or rule."""
    english, chinese = REASONS[code]
    suffix = f" ({detail})" if detail else ""
    return f"{english}{suffix} | {chinese}{suffix}"


def masked(text: str, limit: int = 500) -> str:
    """The shape of a text without its content: digits become 9, Latin letters x, other letters 某."""
    return "".join(_masked_character(character) for character in text[:limit])


def _masked_character(character: str) -> str:
    if character.isascii():
        if character.isdigit():
            return "9"
        return "x" if character.isalpha() else character
    if character.isdecimal():
        return "９"  # a full-width digit, the usual reason for which a number is refused
    return "某" if character.isalpha() else character
