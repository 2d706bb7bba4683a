-- A court case or enforcement against the borrower is open. A case is as its last event left it.
{{ config(materialized="ephemeral") }}

with positions as (
    select * from {{ ref('int_loan_position') }}
    where is_live
),

borrowers as (
    select * from {{ ref('int_live_borrowers') }}
),

records as (
    select * from {{ ref('stg_public_records__litigation_records') }}
),

threshold as (
    select
        *,
        {{ data_as_of('public_records') }} as as_of_date,
        {{ signal_parameter('litigation', 'window_days') }} as window_days
    from {{ policy('signal') }} as signal
    where signal_code = 'litigation'
),

-- who sues is not in trouble for it
events as (
    select
        records.borrower_id,
        records.case_id,
        records.event_date,
        records.event_code,
        records.event_date <= {{ business_date() }} as is_known,
        records.event_date >= borrowers.lending_since_date as is_since_lending,
        row_number() over (
            partition by records.borrower_id, records.case_id, records.event_date <= {{ business_date() }}
            order by
                records.event_date desc,
                (records.event_code in ('WITHDRAWN', 'SETTLED', 'CLOSED'))::integer desc,
                records.record_id desc
        ) as recency
    from borrowers
    join records on borrowers.borrower_id = records.borrower_id
    where records.role_code in ('DEFENDANT', 'GUARANTOR')
),

judged as (
    select
        events.borrower_id,
        events.event_date,
        events.is_known,
        events.is_known
        and events.recency = 1
        and events.is_since_lending
        and events.event_code not in ('WITHDRAWN', 'SETTLED', 'CLOSED')
        and events.event_date > threshold.as_of_date - threshold.window_days as is_open,
        {{ moves_on(["events.event_date + threshold.window_days"], "threshold.as_of_date") }} as expires_on
    from events
    cross join threshold
    where threshold.as_of_date is not null
),

cases as (
    select
        borrower_id,
        count(*) filter (where is_open) as open_count,
        max(event_date) filter (where is_open) as last_event_date,
        min(expires_on) as expires_on,
        min(event_date) filter (where not is_known) as next_event_date
    from judged
    group by borrower_id
)

select
    positions.loan_id,
    threshold.signal_code,
    cases.open_count::numeric as observed_value,
    cases.last_event_date as observed_date,
    cases.open_count >= threshold.raise_threshold as meets_raise,
    cases.open_count < threshold.clear_threshold as meets_clear,
    least(cases.expires_on, cases.next_event_date) as changes_on
from positions
join cases on positions.borrower_id = cases.borrower_id
cross join threshold
