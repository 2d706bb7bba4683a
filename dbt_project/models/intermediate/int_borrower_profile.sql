-- One row per borrower of a touched loan: everything that the sources say of the person, over all loans. Facts with
-- their dates, codes of what they mean by policy, and the day on which time alone changes any of it.
with loans as (
    select * from {{ ref('int_profile_loans') }}
),

customers as (
    select * from {{ ref('stg_customer__borrowers') }}
),

applications as (
    select * from {{ ref('int_profile_application') }}
),

bureau as (
    select * from {{ ref('int_profile_bureau') }}
),

income as (
    select * from {{ ref('int_profile_income') }}
),

contacts as (
    select * from {{ ref('int_profile_contacts') }}
),

promises as (
    select * from {{ ref('int_profile_promises') }}
),

rules as (
    select
        {{ profile_rule('score_change_points') }} as score_points,
        {{ profile_rule('debt_growth_percent') }} as debt_percent,
        {{ profile_rule('income_change_percent') }} as income_percent,
        {{ profile_rule('mismatch_percent') }} as mismatch_percent
),

facts as (
    select
        loans.*,
        coalesce(customers.timezone, loans.loan_timezone) as timezone,
        customers.borrower_id is not null as has_customer_record,
        customers.customer_since_date,
        customers.region_code,
        customers.occupation_code,
        customers.preferred_channel_code,
        customers.preferred_language_code,
        customers.mobile_phone_token,
        customers.is_vulnerable,
        case when customers.deceased_date <= {{ business_date() }} then customers.deceased_date end as deceased_date,
        -- the customer system names no currency: the loans' is meant
        coalesce(customers.declared_monthly_income_amount, applications.application_monthly_income_amount)
            as stated_monthly_income_amount,
        contacts.last_right_party_contact_date,
        contacts.last_attempt_date,
        coalesce(contacts.failed_attempt_count, 0) as failed_attempt_count,
        coalesce(promises.open_promise_count, 0) as open_promise_count,
        promises.open_promise_date,
        promises.open_promise_amount,
        promises.open_promise_currency,
        case when applications.application_date <= {{ business_date() }} then applications.application_date end
            as application_date,
        applications.application_currency,
        applications.application_principal_amount,
        applications.application_bureau_score,
        applications.application_monthly_income_amount,
        applications.application_total_debt_amount,
        applications.application_occupation_code,
        applications.application_region_code,
        bureau.bureau_count,
        bureau.bureau_code,
        bureau.last_bureau_pull_date,
        bureau.bureau_currency,
        bureau.bureau_score,
        bureau.total_debt_amount,
        bureau.other_debt_amount,
        bureau.other_past_due_amount,
        bureau.other_past_due_count,
        bureau.other_past_due_days,
        bureau.previous_bureau_pull_date,
        bureau.previous_bureau_score,
        bureau.previous_total_debt_amount,
        bureau.previous_other_past_due_count,
        bureau.near_application_currency,
        bureau.near_application_other_debt_amount,
        income.last_income_evidence_code,
        income.last_income_date,
        income.income_currency,
        income.monthly_income_amount,
        income.previous_monthly_income_amount,
        income.last_salary_date,
        income.salary_currency,
        income.salary_monthly_amount,
        income.social_insurance_code,
        income.last_employer_change_date,
        -- only what speaks of the loans' currency is compared
        case when income.payroll_currency = loans.currency then income.payroll_amount end as payroll_amount,
        case when income.social_insurance_currency = loans.currency then income.social_insurance_amount end
            as social_insurance_amount,
        case when income.tax_currency = loans.currency then income.tax_amount end as tax_amount,
        case when income.valid_salary_currency = loans.currency then income.valid_salary_amount end as salary_amount,
        least(
            case when customers.deceased_date > {{ business_date() }} then customers.deceased_date end,
            applications.changes_on,
            bureau.changes_on,
            income.changes_on,
            contacts.changes_on,
            promises.changes_on
        ) as changes_on
    from loans
    left join customers on loans.borrower_id = customers.borrower_id
    left join applications on loans.borrower_id = applications.borrower_id
    left join bureau on loans.borrower_id = bureau.borrower_id
    left join income on loans.borrower_id = income.borrower_id
    left join contacts on loans.borrower_id = contacts.borrower_id
    left join promises on loans.borrower_id = promises.borrower_id
),

compared as (
    select
        *,
        bureau_score - previous_bureau_score <= -rules.score_points as is_score_down,
        bureau_score - previous_bureau_score >= rules.score_points as is_score_up,
        total_debt_amount >= previous_total_debt_amount * (100 + rules.debt_percent) / 100
        and total_debt_amount > previous_total_debt_amount as is_debt_up,
        total_debt_amount <= previous_total_debt_amount * (100 - rules.debt_percent) / 100
        and total_debt_amount < previous_total_debt_amount as is_debt_down,
        -- below this a source contradicts the stated income
        nullif(stated_monthly_income_amount, 0) * (100 - rules.mismatch_percent) / 100 as income_floor_amount,
        monthly_income_amount <= previous_monthly_income_amount * (100 - rules.income_percent) / 100 as is_income_down,
        monthly_income_amount >= previous_monthly_income_amount * (100 + rules.income_percent) / 100 as is_income_up,
        last_income_date > application_date and income_currency = application_currency as is_income_newer,
        last_bureau_pull_date > application_date as is_report_newer
    from facts
    cross join rules
)

select
    *,
    case
        when last_bureau_pull_date is null then 'NO_REPORT'
        when previous_bureau_pull_date is null then 'FIRST_REPORT'
        when is_score_down or is_debt_up or (other_past_due_count > 0 and previous_other_past_due_count = 0)
            then 'WORSENING'
        when is_score_up or is_debt_down or (other_past_due_count = 0 and previous_other_past_due_count > 0)
            then 'IMPROVING'
        else 'STABLE'
    end as bureau_trend_code,
    case
        when monthly_income_amount is null then 'NO_EVIDENCE'
        when previous_monthly_income_amount is null then 'FIRST_EVIDENCE'
        when is_income_down and monthly_income_amount < previous_monthly_income_amount then 'FALLING'
        when is_income_up and monthly_income_amount > previous_monthly_income_amount then 'RISING'
        else 'STABLE'
    end as income_trend_code,
    (
        select band.bureau_score_band
        from {{ policy('bureau_score_band') }} as band
        where band.from_score <= compared.bureau_score
        order by band.from_score desc
        limit 1
    ) as bureau_score_band,
    nullif(
        concat_ws(
            ',',
            case
                when
                    is_report_newer
                    and bureau_currency = application_currency
                    and total_debt_amount
                    > (application_total_debt_amount + application_principal_amount) * (100 + debt_percent) / 100
                    then 'DEBT_HIGHER'
            end,
            case when last_employer_change_date > application_date then 'EMPLOYER_CHANGED' end,
            case
                when
                    is_income_newer
                    and monthly_income_amount > application_monthly_income_amount * (100 + income_percent) / 100
                    then 'INCOME_HIGHER'
            end,
            case
                when
                    is_income_newer
                    and monthly_income_amount < application_monthly_income_amount * (100 - income_percent) / 100
                    then 'INCOME_LOWER'
            end,
            case when occupation_code <> application_occupation_code then 'OCCUPATION_CHANGED' end,
            case when region_code <> application_region_code then 'REGION_CHANGED' end,
            -- which bureau the application asked is not told: compared only where there is one
            case
                when
                    is_report_newer
                    and bureau_count = 1
                    and bureau_score <= application_bureau_score - score_points
                    then 'SCORE_LOWER'
            end
        ),
        ''
    ) as application_drift_codes,
    nullif(
        concat_ws(
            ',',
            case
                when
                    near_application_currency = application_currency
                    and near_application_other_debt_amount
                    > application_total_debt_amount * (100 + mismatch_percent) / 100
                    then 'DEBT_UNDERSTATED'
            end,
            case when payroll_amount < income_floor_amount then 'INCOME_ABOVE_PAYROLL' end,
            case when salary_amount < income_floor_amount then 'INCOME_ABOVE_SALARY' end,
            case when social_insurance_amount < income_floor_amount then 'INCOME_ABOVE_SOCIAL_INSURANCE' end,
            case when tax_amount < income_floor_amount then 'INCOME_ABOVE_TAX' end,
            case when social_insurance_code = 'SUSPENDED' then 'SOCIAL_INSURANCE_SUSPENDED' end
        ),
        ''
    ) as mismatch_codes,
    case
        when income_floor_amount is null then 0
        else num_nonnulls(payroll_amount, salary_amount, social_insurance_amount, tax_amount)
    end as income_source_count,
    coalesce((payroll_amount >= income_floor_amount)::integer, 0)
    + coalesce((salary_amount >= income_floor_amount)::integer, 0)
    + coalesce((social_insurance_amount >= income_floor_amount)::integer, 0)
    + coalesce((tax_amount >= income_floor_amount)::integer, 0) as verifying_source_count
from compared
