-- One row per draw of a touched loan and detector: SUSPECT, CLEAR, NOT_OBSERVED or NOT_APPLICABLE, and the reason.
-- CLEAR needs proof: even if all that we have not seen were misused, it would be less than the detector's threshold.
with draws as (
    select * from {{ ref('int_fund_use_draws') }}
),

detectors as (
    select * from {{ policy('fund_use_detector') }} as detector
),

amounts as (
    select * from {{ ref('int_fund_use_amounts') }}
),

evidence as (
    select * from {{ ref('int_fund_use_evidence') }}
),

seen_accounts as (
    select distinct
        borrower_id,
        account_number_token
    from {{ ref('int_account_movements') }}
    where booking_date <= {{ business_date() }}
),

-- law and evidence terms are those of the day of the draw
limits as (
    select
        draws.draw_id,
        max(policy.limit_amount) filter (where policy.currency = draws.currency) as limit_amount
    from draws
    join {{ ref('self_payment_limit') }} as policy
        on
            draws.purpose_code = policy.purpose_code
            and draws.draw_date between policy.valid_from and coalesce(policy.valid_to, date '9999-12-31')
    group by draws.draw_id
),

evidence_terms as (
    select
        draws.draw_id,
        bool_or(policy.currency = draws.currency) as has_currency,
        min(policy.due_days) filter (
            where policy.currency = draws.currency and draws.draw_amount >= policy.from_amount
        ) as due_days
    from draws
    join {{ ref('fund_use_evidence') }} as policy
        on
            draws.purpose_code = policy.purpose_code
            and draws.draw_date between policy.valid_from and coalesce(policy.valid_to, date '9999-12-31')
    group by draws.draw_id
),

facts as (
    select
        draws.*,
        detectors.detector_code,
        detectors.raises_signal,
        draws.draw_date + detectors.window_days as window_end_date,
        greatest(
            round(draws.draw_amount * detectors.threshold_share, 2), least_amounts.least_amount
        ) as threshold_amount,
        limits.limit_amount,
        evidence_terms.has_currency as has_evidence_currency,
        evidence_terms.draw_id is not null as has_evidence_terms,
        draws.draw_date + evidence_terms.due_days as evidence_due_date,
        seen_accounts.account_number_token is not null as is_account_seen,
        coalesce(evidence.filed_amount, 0) as filed_amount,
        coalesce(evidence.verified_amount, 0) as verified_amount,
        least(coalesce(amounts.suspect_amount, 0), draws.draw_amount) as movement_suspect_amount,
        least(coalesce(amounts.traced_amount, 0), draws.draw_amount) as movement_traced_amount,
        coalesce(amounts.left_amount, 0) as left_amount,
        coalesce(amounts.movement_count, 0) as movement_count,
        amounts.first_movement_date,
        amounts.last_movement_date,
        amounts.largest_movements,
        draws.purpose_code in (
            select purpose.purpose_code from {{ policy('fund_use_purpose') }} as purpose
        ) as has_merchant_list
    from draws
    cross join detectors
    left join {{ policy('fund_use_least_amount') }} as least_amounts
        on detectors.detector_code = least_amounts.detector_code and draws.currency = least_amounts.currency
    left join amounts on draws.draw_id = amounts.draw_id and detectors.detector_code = amounts.detector_code
    left join evidence on draws.draw_id = evidence.draw_id
    left join limits on draws.draw_id = limits.draw_id
    left join evidence_terms on draws.draw_id = evidence_terms.draw_id
    left join seen_accounts
        on
            draws.borrower_id = seen_accounts.borrower_id
            and draws.account_number_token = seen_accounts.account_number_token
),

judged as (
    select
        *,
        -- result and reason, parted below
        case
            when detector_code = 'R9_PURPOSE_BLANK'
                then
                    case
                        when not has_origination then 'NOT_OBSERVED NO_ORIGINATION_RECORD'
                        when purpose_code is null then 'SUSPECT PURPOSE_BLANK'
                        else 'CLEAR PURPOSE_STATED'
                    end
            when detector_code = 'PAYMENT_MODE'
                then
                    case
                        when payee_type_code = 'MERCHANT' then 'NOT_APPLICABLE PAID_TO_SELLER'
                        when payee_type_code = 'OTHER' then 'NOT_OBSERVED PAID_TO_OTHERS'
                        when payment_mode_code = 'ENTRUSTED' then 'SUSPECT ENTRUSTED_PAID_TO_BORROWER'
                        when purpose_code is null then 'NOT_OBSERVED PURPOSE_UNKNOWN'
                        when limit_amount is null then 'NOT_OBSERVED NO_POLICY_FOR_CURRENCY'
                        when draw_amount > limit_amount then 'SUSPECT ABOVE_LIMIT'
                        else 'CLEAR WITHIN_LIMIT'
                    end
            when detector_code = 'R8_EVIDENCE_OVERDUE'
                then
                    case
                        when purpose_code is null then 'NOT_OBSERVED PURPOSE_UNKNOWN'
                        when has_evidence_terms and not has_evidence_currency then 'NOT_OBSERVED NO_POLICY_FOR_CURRENCY'
                        when evidence_due_date is null then 'NOT_APPLICABLE EVIDENCE_NOT_REQUIRED'
                        when draw_amount - filed_amount < threshold_amount then 'CLEAR EVIDENCE_FILED'
                        when evidence_due_date >= {{ business_date() }} then 'NOT_OBSERVED EVIDENCE_NOT_YET_DUE'
                        else 'SUSPECT EVIDENCE_OVERDUE'
                    end
            when detector_code = 'R4_ROUND_TRIP'
                then
                    case
                        when movement_suspect_amount > 0 and movement_suspect_amount >= threshold_amount
                            then 'SUSPECT MONEY_CAME_BACK'
                        when window_end_date >= {{ business_date() }} then 'NOT_OBSERVED WINDOW_OPEN'
                        when
                            movement_traced_amount = 0
                            and (payee_type_code = 'BORROWER' or payee_account_number_token is null)
                            then 'NOT_APPLICABLE NO_COUNTERPARTY_ACCOUNT'
                        -- it may have come back to an account that is not with us: never CLEAR
                        else 'NOT_OBSERVED RETURN_ELSEWHERE_POSSIBLE'
                    end
            when payee_type_code = 'MERCHANT' then 'NOT_APPLICABLE PAID_TO_SELLER'
            when detector_code = 'R3_OTHER_LENDER' and purpose_code = 'DEBT_CONSOLIDATION'
                then 'NOT_APPLICABLE PURPOSE_ALLOWS'
            when detector_code = 'R7_PURPOSE_MISMATCH' and purpose_code is null then 'NOT_APPLICABLE PURPOSE_UNKNOWN'
            when detector_code = 'R7_PURPOSE_MISMATCH' and not has_merchant_list
                then 'NOT_APPLICABLE ANY_MERCHANT_FITS'
            when movement_suspect_amount > 0 and movement_suspect_amount >= threshold_amount then 'SUSPECT MONEY_TRACED'
            when movement_suspect_amount + draw_amount - movement_traced_amount < threshold_amount
                then 'CLEAR MONEY_TRACED'
            when payee_type_code = 'OTHER' then 'NOT_OBSERVED PAID_TO_OTHERS'
            when not is_account_seen then 'NOT_OBSERVED ACCOUNT_NOT_WITH_US'
            when window_end_date >= {{ business_date() }} then 'NOT_OBSERVED WINDOW_OPEN'
            when left_amount > 0 then 'NOT_OBSERVED LEFT_OUR_VIEW'
            else 'NOT_OBSERVED NOT_SPENT'
        end as verdict
    from facts
)

select
    loan_id,
    draw_id,
    detector_code,
    borrower_id,
    draw_date,
    currency,
    draw_amount,
    coalesce(purpose_code, 'UNKNOWN') as purpose_code,
    payee_type_code,
    split_part(verdict, ' ', 1) as result_code,
    split_part(verdict, ' ', 2) as reason_code,
    threshold_amount,
    case detector_code
        when 'R8_EVIDENCE_OVERDUE' then filed_amount
        else movement_traced_amount
    end as traced_amount,
    case
        when verdict like 'NOT_APPLICABLE %' then 0
        when detector_code = 'R8_EVIDENCE_OVERDUE'
            then case when verdict like 'SUSPECT %' then draw_amount - filed_amount else 0 end
        when detector_code in ('R9_PURPOSE_BLANK', 'PAYMENT_MODE')
            then case when verdict like 'SUSPECT %' then draw_amount else 0 end
        else movement_suspect_amount
    end as suspect_amount,
    verified_amount as verified_evidence_amount,
    -- papers of a person's choosing answer a suspicion when they leave less than the threshold unexplained
    verdict like 'SUSPECT %' and draw_amount - verified_amount >= threshold_amount as is_evidence_wanted,
    case when detector_code = 'R8_EVIDENCE_OVERDUE' then evidence_due_date end as evidence_due_date,
    movement_count,
    first_movement_date,
    last_movement_date,
    largest_movements,
    raises_signal,
    case
        when detector_code = 'R8_EVIDENCE_OVERDUE' then evidence_due_date
        else window_end_date
    end + 1 as changes_on
from judged
