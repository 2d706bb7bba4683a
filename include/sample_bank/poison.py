"""What the sources of lenders have really sent where something else was agreed, by table and column.

No column of a control total is among them, so that totals still agree; amounts have a fault of their own.
"""

POISON: dict[str, dict[str, tuple[str, ...]]] = {
    "repayment_transaction": {
        "value_date": ("2026-02-30", "05/01/2026", "", "26-1-5", "2026-01-05T00:00:00Z"),
        "booking_date": ("20260105", "0000-00-00"),
        "currency": ("cny", "RMB ", "人民币"),
        "transaction_type": ("repayment", "REFUND"),
        "loan_id": ("",),
        "is_derived": ("Y", "0"),
    },
    "repayment_schedule": {
        "due_date": ("2026-13-01", "31.12.2026", "N/A"),
        "interest_due_amount": ("1,234.50", "1e3", "NaN", "12.345", "１２", " 5 ", "-1.00", "Infinity"),
        "instalment_number": ("0", "1.0", "第1期"),
        "version_reason_code": ("original", ""),
    },
    "loan_contract": {
        "annual_interest_rate": ("7.2%", "0.12345678", "-0.01"),
        "instalment_count": ("12.5", "-1", "十二"),
        "disbursement_date": ("01/02/2026", "2025-02-29"),
        "contract_status": ("active", "正常"),
        "timezone": ("GMT+8 北京", ""),
    },
    "loan_origination": {
        "purpose_code": ("装修", "consumption"),
        "payment_mode_code": ("自主支付", "S"),
        "all_in_annual_rate": ("18%", "-0.1"),
        "is_autodebit": ("Y", "是"),
        "application_score": ("A", "612.5"),
        "application_date": ("2026/01/05", ""),
    },
    "disbursement": {
        "payee_type_code": ("SELF", ""),
        "payee_account_number": ("6222 0210 0111 6245 702", "9.99E+18"),
        "value_date": ("05-JAN-26", "2026-00-05"),
    },
    "forbearance_event": {
        "measure_code": ("展期", "EXTENSION"),
        "has_financial_difficulty": ("1", "unknown"),
        "extension_months": ("6.0", "-6"),
    },
    "core_loan_balance": {
        "past_due_amount": ("1.234,50", "NULL", "-"),
        "oldest_unpaid_due_date": ("0001-01-01", "9999-12-31"),
        "currency": ("156", ""),
    },
    "borrower": {
        # what a spreadsheet makes of long numbers
        "id_number": ("3.30102E+17", "33010219900101123x", ""),
        "mobile_phone": ("1.39E+10", "139-0013-8000", "手机号空"),
        "salary_account_number": ("6.22202E+18", "工行6222"),
        "birth_year": ("90", "1990.0"),
        "is_vulnerable": ("否", "N"),
        "region_code": ("",),
    },
    "income_employment_refresh": {
        "evidence_code": ("工资流水", ""),
        "social_insurance_code": ("paying", "断缴"),
        "has_employer_changed": ("0", ""),
    },
    "use_of_proceeds_evidence": {
        "evidence_type_code": ("发票", "invoice"),
        "verification_code": ("OK", ""),
        "received_date": ("yesterday", "2026-1-5"),
    },
    "bureau_report": {
        "bureau_score": ("N/A", "612.0", "-1"),
        "inquiry_30d_count": ("", "三"),
        "inquiry_purpose_code": ("贷后管理", "POSTLOAN"),
        "pull_date": ("2026-01-32",),
    },
    "bureau_tradeline": {
        "days_past_due": ("-1", "C", "*"),
        "account_type_code": ("R4", ""),
        "account_status_code": ("正常",),
        "is_own_lender": ("Y",),
    },
    "account_transaction": {
        "direction_code": ("C", "D", "贷"),
        "movement_code": ("工资", "POS"),
        "account_number": ("", "6222************02"),
        "counterparty_class_code": ("个人", "MERCHANTS"),
        "merchant_category_code": ("541", "54110"),
        "sequence_number": ("-1", "1.0"),
    },
    "litigation_record": {
        "event_code": ("立案", "filed"),
        "role_code": ("被告", ""),
        "lawful_basis_code": ("CRAWLED", ""),
    },
    "business_registration": {
        "event_code": ("吊销", "Closed"),
        "source_licence": ("",),
        "event_date": ("2026年1月5日",),
    },
    "contact_event": {
        "started_at": ("2026-01-05 09:00:00", "2026-01-05T25:00:00+08:00", ""),
        "channel_code": ("电话", "WECHAT"),
        "dialled_phone": ("1.39E+10", "021-5555"),
        "outcome_code": ("已接", ""),
        "duration_seconds": ("-3", "1:20"),
    },
    "revisit_outcome": {
        "ability_answer_code": ("WORSE ", "变差"),
        "is_right_party": ("本人", ""),
        "major_event_code": ("失业", "JOBLOSS"),
    },
    "promise_to_pay": {
        "promised_date": ("next week", ""),
        "is_withdrawn": ("no", "0"),
    },
    "officer": {
        "role_code": ("坐席", "call"),
        "is_active": ("在职", "1"),
        "skill_codes": ("SMALL_LOANS,BUSINESS", "small"),
    },
    "officer_capacity": {
        "max_call_count": ("60.0", "-1", ""),
        "work_date": ("2026-02-30",),
    },
    "gl_balance": {
        "currency": ("CN", "元"),
        "balance_date": ("20260105",),
    },
}
# The same for the amounts themselves: what cannot be read as an amount counts nothing in anybody's total.
POISONED_AMOUNTS = ("1,234.50", "1e3", "NaN", "12.345", "１２", " 5 ", "", "12345678901234567890.00")
