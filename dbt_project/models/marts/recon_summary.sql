-- What was compared, so that a short list of breaks can be told from a list that nobody made.
with source as (
    select * from {{ ref('int_recon_sources') }}
),

tolerance as (
    select * from {{ policy('recon_tolerance') }} as tolerance
),

lines as (
    select * from {{ ref('int_recon_lines') }}
),

of_loans as (
    select
        'core_loan_balance' as source_code,
        measure_code,
        currency,
        count(*) filter (where is_compared) as compared_count,
        count(*) filter (where not is_compared) as not_compared_count,
        sum(our_amount) filter (where is_compared) as our_total_amount,
        sum(their_amount) filter (where is_compared) as their_total_amount
    from lines
    group by measure_code, currency
),

of_accounts as (
    select
        'gl_balance' as source_code,
        'principal_outstanding' as measure_code,
        currency,
        count(*) as compared_count,
        0 as not_compared_count,
        sum(our_amount) as our_total_amount,
        sum(their_amount) as their_total_amount
    from {{ ref('int_recon_ledger') }}
    group by currency
),

totals as (
    select * from of_loans
    union all
    select * from of_accounts
),

currencies as (
    select currency from totals
    union
    select currency
    from {{ ref('kpi_portfolio_daily') }}
    where business_date = {{ business_date() }} and run_id = {{ run_id() }}
    union
    -- a book that has run out, or a silent day, is still said to be uncompared
    select currency
    from {{ this }}
    where business_date = {{ base_business_date() }} and run_id = {{ base_run_id() }}
),

-- what would be compared is stated whether it was or not
expected as (
    select
        expected.source_code,
        expected.measure_code,
        currencies.currency
    from (
        values
        ('core_loan_balance', 'principal_outstanding'),
        ('core_loan_balance', 'past_due'),
        ('core_loan_balance', 'paid_to_date'),
        ('core_loan_balance', 'oldest_unpaid_due_date'),
        ('gl_balance', 'principal_outstanding')
    ) as expected (source_code, measure_code)
    cross join currencies
),

measured as (
    select
        expected.source_code,
        expected.measure_code,
        expected.currency,
        coalesce(totals.compared_count, 0) as compared_count,
        coalesce(totals.not_compared_count, 0) as not_compared_count,
        totals.our_total_amount,
        totals.their_total_amount
    from expected
    left join totals
        on
            expected.source_code = totals.source_code
            and expected.measure_code = totals.measure_code
            and expected.currency = totals.currency
),

breaking as (
    select
        source_code,
        measure_code,
        currency,
        count(*) as breaking_count,
        count(known_break_id) as known_break_count,
        sum(abs(difference_amount)) filter (where known_break_id is null) as open_difference_amount
    from {{ ref('recon_break') }}
    where business_date = {{ business_date() }} and run_id = {{ run_id() }} and compared_date = {{ business_date() }}
    group by source_code, measure_code, currency
),

stated as (
    select
        measured.source_code,
        measured.measure_code,
        measured.currency,
        measured.compared_count,
        measured.not_compared_count,
        -- dates have no sum; of amounts none is 0.00
        case when measured.measure_code <> 'oldest_unpaid_due_date' then coalesce(measured.our_total_amount, 0) end
            as our_total_amount,
        case when measured.measure_code <> 'oldest_unpaid_due_date' then coalesce(measured.their_total_amount, 0) end
            as their_total_amount,
        source.data_as_of_date,
        tolerance.owner_code,
        case
            when source.status_code = 'COMPARED' and tolerance.currency is null then 'NO_POLICY'
            else source.status_code
        end as status_code,
        coalesce(breaking.breaking_count, 0) as breaking_count,
        coalesce(breaking.known_break_count, 0) as known_break_count,
        coalesce(breaking.open_difference_amount, 0) as open_difference_amount,
        -- no total is judged where policy states none
        greatest(
            tolerance.total_tolerance_amount,
            round(tolerance.total_tolerance_rate * abs(coalesce(measured.their_total_amount, 0)), 2)
        ) as total_tolerance_amount
    from measured
    join source on measured.source_code = source.source_code
    left join tolerance
        on
            measured.source_code = tolerance.source_code
            and measured.measure_code = tolerance.measure_code
            and measured.currency = tolerance.currency
    left join breaking
        on
            measured.source_code = breaking.source_code
            and measured.measure_code = breaking.measure_code
            and measured.currency = breaking.currency
)

select
    {{ business_date() }} as business_date,
    {{ run_id() }}::text as run_id,
    source_code::text as source_code,
    measure_code::text as measure_code,
    currency,
    status_code::text as status_code,
    data_as_of_date,
    owner_code,
    -- no figure where nothing was compared
    case when status_code = 'COMPARED' then compared_count end::integer as compared_count,
    case when status_code = 'COMPARED' then compared_count - breaking_count end::integer as agreeing_count,
    case when status_code = 'COMPARED' then breaking_count end::integer as breaking_count,
    case when status_code = 'COMPARED' then known_break_count end::integer as known_break_count,
    case when status_code = 'COMPARED' then not_compared_count end::integer as not_compared_count,
    case when status_code = 'COMPARED' then our_total_amount end::numeric(18, 2) as our_total_amount,
    case when status_code = 'COMPARED' then their_total_amount end::numeric(18, 2) as their_total_amount,
    case when status_code = 'COMPARED' then our_total_amount - their_total_amount end::numeric(18, 2)
        as net_difference_amount,
    case when status_code = 'COMPARED' then open_difference_amount end::numeric(18, 2) as open_difference_amount,
    case when status_code = 'COMPARED' then total_tolerance_amount end::numeric(18, 2) as total_tolerance_amount
from stated
