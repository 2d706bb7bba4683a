-- One row per draw and detector that follows the money: how much was traced to its end, how much of it is what the
-- detector looks for, how much left our view, and the movements that show it.
{{ config(materialized="ephemeral") }}

with draws as (
    select * from {{ ref('int_fund_use_draws') }}
),

flows as (
    select * from {{ ref('int_fund_use_flows') }}
),

returns as (
    select * from {{ ref('int_fund_use_returns') }}
),

detectors as (
    select * from {{ policy('fund_use_detector') }} as detector
),

purposes as (
    select * from {{ policy('fund_use_purpose') }} as purpose
),

-- a purchase that fits the purpose of any draw that may have paid it is no mismatch of the others; a purpose without a
-- list fits any merchant
fitting as (
    select
        flows.*,
        bool_or(
            draws.purpose_code is not null
            and (
                draws.purpose_code not in (select purposes.purpose_code from purposes)
                or exists (
                    select 1
                    from purposes
                    where
                        purposes.purpose_code = draws.purpose_code
                        and flows.merchant_category_code between purposes.mcc_from and purposes.mcc_to
                )
            )
        ) over (partition by flows.account_transaction_id) as is_fitting
    from flows
    join draws on flows.draw_id = draws.draw_id
),

-- of each detector: what it looks for, and what it has to see before it may say CLEAR
movements as (
    select
        flows.draw_id,
        detectors.detector_code,
        flows.account_transaction_id,
        flows.booking_date,
        -- whom the draw was paid to matters for a return even where other payments count before it
        case
            when detectors.detector_code = 'R4_ROUND_TRIP' then flows.share_amount
            else flows.traced_amount
        end as amount,
        flows.fate_code = 'LEFT' as is_left,
        case detectors.detector_code
            when 'R1_PROHIBITED_PARTY' then flows.fate_code = 'PROHIBITED' and flows.hop = 1
            when 'R2_TWO_HOPS' then flows.fate_code = 'PROHIBITED' and flows.hop = 2
            when 'R3_OTHER_LENDER' then flows.fate_code = 'LENDER'
            when 'R7_PURPOSE_MISMATCH'
                then
                    flows.fate_code = 'SPENT'
                    and flows.merchant_category_code is not null
                    and not flows.is_fitting
            else false
        end as is_suspect,
        case detectors.detector_code
            when 'R4_ROUND_TRIP'
                then
                    flows.fate_code in ('SPENT', 'LEFT')
                    and flows.counterparty_account_number_token is not null
                    and not flows.is_own_account
            when 'R7_PURPOSE_MISMATCH'
                then
                    flows.fate_code in ('PROHIBITED', 'LENDER')
                    or (flows.fate_code = 'SPENT' and flows.merchant_category_code is not null)
            else flows.fate_code in ('PROHIBITED', 'LENDER', 'SPENT')
        end as is_traced
    from fitting as flows
    join draws on flows.draw_id = draws.draw_id
    join detectors on draws.draw_date + detectors.window_days >= flows.booking_date
    -- a detector that follows no money has no window
    where
        detectors.window_days > 0
        and (flows.traced_amount > 0 or detectors.detector_code = 'R4_ROUND_TRIP')
    union all
    select
        returns.draw_id,
        detectors.detector_code,
        returns.account_transaction_id,
        returns.booking_date,
        returns.returned_amount as amount,
        false as is_left,
        true as is_suspect,
        false as is_traced
    from returns
    join draws on returns.draw_id = draws.draw_id
    join detectors
        on
            detectors.detector_code = 'R4_ROUND_TRIP'
            and draws.draw_date + detectors.window_days >= returns.booking_date
),

ranked as (
    select
        *,
        row_number() over (
            partition by draw_id, detector_code order by is_suspect desc, amount desc, account_transaction_id asc
        ) as place
    from movements
)

select
    draw_id,
    detector_code,
    coalesce(sum(amount) filter (where is_suspect), 0) as suspect_amount,
    coalesce(sum(amount) filter (where is_traced), 0) as traced_amount,
    coalesce(sum(amount) filter (where is_left), 0) as left_amount,
    count(*) filter (where is_suspect)::integer as movement_count,
    min(booking_date) filter (where is_suspect) as first_movement_date,
    max(booking_date) filter (where is_suspect) as last_movement_date,
    -- the ten largest: transaction, day, amount
    string_agg(
        account_transaction_id || ' ' || booking_date::text || ' ' || amount::numeric(18, 2)::text, '; ' order by place
    ) filter (where is_suspect and place <= 10) as largest_movements
from ranked
group by draw_id, detector_code
