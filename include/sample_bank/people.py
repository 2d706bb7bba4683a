"""People who do not exist: names, numbers, addresses and accounts that cannot belong to anybody.

Identity numbers are correct in form, check digit included, but begin with 99, which is no administrative region;
mobile numbers begin with 12, which no operator assigns; accounts begin with 9990, which no card scheme issues.
"""

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from include.sample_bank.frames import TIMEZONE, codes, dates, decimals, identifiers, same
from include.sample_bank.loans import BRANCHES, NEVER
from include.sample_bank.randomness import Days, Ids, pick

if TYPE_CHECKING:
    from include.sample_bank.world import World

OCCUPATIONS = {
    "EMPLOYEE": 40, "WORKER": 24, "PROFESSIONAL": 12, "CIVIL_SERVANT": 8, "SELF_EMPLOYED": 11, "FREELANCE": 5,
}  # fmt: skip
SELF_EMPLOYED = list(OCCUPATIONS).index("SELF_EMPLOYED")
SELF_EMPLOYED_CODES = [SELF_EMPLOYED, list(OCCUPATIONS).index("FREELANCE")]
INDUSTRIES = ("C", "E", "F", "G", "H", "I", "J", "K", "L", "O", "P", "Q")  # GB/T 4754 sections
# GB/T 2260, one region a branch
REGIONS = (
    "310101", "310115", "110105", "110108", "440304", "440305", "330106", "320505", "510104", "430102", "430111",
    "610113",
)  # fmt: skip
LAST_NAMES = (
    *"王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高郑梁谢宋唐许韩冯邓曹彭曾萧田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈",
    "欧阳", "司马", "上官", "诸葛", "㮾", "𠮷", "阿依·",
)  # fmt: skip
GIVEN = (
    *"伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂英华玉兰建国志红梅鑫宇浩然子涵梓轩雨欣怡晨曦思源嘉琪文博天佑若",
    "",
)
CITIES = ("样本市", "示例市", "虚构市", "演示市", "测试市")
STREETS = ("未名路", "无此街", "样板大道", "假想巷", "例如路", "乌有街")
TRADES = ("机械", "电子", "餐饮", "物流", "软件", "建筑", "纺织", "商贸")
FIRMS = ("恒样", "示远", "虚达", "例兴", "构成", "演拓", "测通", "无名")
CHANNEL_CODES = ("PHONE", "SMS", "APP", "EMAIL", "VIDEO", "FIELD")
_ID_WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])
_ID_CHECKS = np.array(list("10X98765432"))
TEN_MILLION, BILLION = 10_000_000, 1_000_000_000


def borrower(world: "World", after: int, day: int) -> pa.Table:
    """The customer system's whole table at the end of ``day``."""
    known = np.flatnonzero(world.customer_since <= day)
    rows = world.identity.take(pa.array(known))
    phone = phones_on(world, known, np.full(len(known), day))
    died_on = np.where(world.uniform("dies") < 0.0006, world.first_loan_on + world.whole("death", 30, 500), NEVER)[
        known
    ]
    rows = rows.set_column(rows.column_names.index("mobile_phone"), "mobile_phone", phone)
    return rows.append_column("deceased_date", dates(died_on, died_on > day))


def identity_columns(world: "World") -> pa.Table:
    """The customer system's columns that do not change, in the order of the contract; ``deceased_date`` comes last."""
    ids, count = world.ids, len(world)
    birth_year = world.whole("birth year", 1_958, 2_004)
    none = world.uniform("states no address") < 0.02
    here = world.has_account
    states_income = (world.uniform("states an income") < 0.97) & (world.first_loan_on < NEVER)
    works_for = ~world.is_self_employed
    return pa.table(
        {
            "borrower_id": identifiers(ids, "C", 10),
            "customer_since_date": dates(world.customer_since),
            "full_name": full_names(world),
            "id_number": id_numbers(world, birth_year),
            "mobile_phone": phones(ids, np.zeros(count, dtype=np.int64)),
            "home_address": pc.if_else(pa.array(none), pa.scalar(None, pa.string()), addresses(world)),
            "salary_account_number": pc.if_else(pa.array(here), accounts(ids, 1), pa.scalar(None, pa.string())),
            "birth_year": pa.array(birth_year.astype(np.int32)),
            "region_code": codes(world.branch, REGIONS),
            "timezone": same(TIMEZONE, count),
            "occupation_code": codes(world.occupation, list(OCCUPATIONS)),
            "industry_code": codes(world.whole("industry", 0, len(INDUSTRIES) - 1), INDUSTRIES),
            "employer_name": employers(world, works_for),
            "declared_monthly_income_amount": decimals(world.income, pa.decimal128(18, 2), ~states_income),
            "income_stated_date": dates(np.maximum(world.customer_since, world.first_loan_on - 3), ~states_income),
            "preferred_channel_code": codes(pick(world.uniform("channel"), [40, 20, 30, 3, 2, 5]), CHANNEL_CODES),
            "preferred_language_code": same("zh-CN", count),
            "is_vulnerable": pa.array(world.uniform("vulnerable") < 0.01),
        }
    )


def full_names(world: "World") -> pa.Array:
    """A family name and one or two more characters."""
    last = codes(world.whole("family name", 0, len(LAST_NAMES) - 1), LAST_NAMES)
    first = codes(world.whole("first character", 0, len(GIVEN) - 2), GIVEN)
    second = codes(world.whole("second character", 0, len(GIVEN) + 10), GIVEN + ("",) * 11)
    return pc.binary_join_element_wise(last, first, second, "")


def id_numbers(world: "World", birth_year: NDArray[np.int64]) -> pa.Array:
    """18 digits: 99 and four more, date of birth, three of order, check digit (ISO 7064 MOD 11-2, which may be X)."""
    spread = (world.ids * np.uint64(3_141_593)) % np.uint64(TEN_MILLION)
    area = 990_000 + (spread // np.uint64(1_000)).astype(np.int64)
    born = birth_year * 10_000 + world.whole("birth month", 1, 12) * 100 + world.whole("birth day", 1, 28)
    order = (spread % np.uint64(1_000)).astype(np.int64)
    number = (area * 100_000_000 + born) * 1_000 + order
    digits = number[:, None] // 10 ** np.arange(16, -1, -1, dtype=np.int64)[None, :] % 10
    check = pa.array(_ID_CHECKS[(digits * _ID_WEIGHTS).sum(axis=1) % 11])
    return pc.binary_join_element_wise(pa.array(number).cast(pa.string()), check, "")


def phones(ids: Ids, version: NDArray[np.int64]) -> pa.Array:
    """Eleven digits that begin with 12; another version is another number."""
    spread = (ids * np.uint64(314_159_261) + version.astype(np.uint64) * np.uint64(500_000_003)) % np.uint64(BILLION)
    return pa.array(12 * BILLION + spread.astype(np.int64)).cast(pa.string())


def phones_on(world: "World", owner: NDArray[np.int64], day: Days) -> pa.Array:
    """The number at which each of these borrowers can be reached on a day: some change it once."""
    changes = world.uniform("new phone") < 0.03
    changed_on = world.customer_since + world.whole("phone changed", 60, 1_200)
    return phones(world.ids[owner], (changes[owner] & (changed_on[owner] <= day)).astype(np.int64))


def accounts(ids: Ids, number: int) -> pa.Array:
    """Nineteen digits that begin with 9990: a borrower's account with us (1, 2) or elsewhere (from 3 on)."""
    return pc.binary_join_element_wise("9990", identifiers(ids, "", 13), f"{number:02d}", "")


def addresses(world: "World") -> pa.Array:
    """A house in a street that is nowhere."""
    city = codes(world.whole("city", 0, len(CITIES) - 1), CITIES)
    street = codes(world.whole("street", 0, len(STREETS) - 1), STREETS)
    house = pa.array(world.whole("house", 1, 999)).cast(pa.string())
    flat = pa.array(world.whole("flat", 101, 2_804)).cast(pa.string())
    return pc.binary_join_element_wise(city, street, house, "号", flat, "室", "")


def employers(world: "World", works_for: NDArray[np.bool_]) -> pa.Array:
    """Some hundreds of firms; who is self-employed has a shop of their own name."""
    city = codes(world.whole("city", 0, len(CITIES) - 1), CITIES)
    firm = codes(world.whole("firm", 0, len(FIRMS) - 1), FIRMS)
    trade = codes(world.whole("trade", 0, len(TRADES) - 1), TRADES)
    firms = pc.binary_join_element_wise(city, firm, trade, "有限公司", "")
    shops = pc.binary_join_element_wise(city, full_names(world), trade, "店", "")
    named = pc.if_else(pa.array(works_for), firms, shops)
    has_none = world.uniform("no employer stated") < 0.04
    return pc.if_else(pa.array(has_none), pa.scalar(None, pa.string()), named)


assert len(REGIONS) == len(BRANCHES)
