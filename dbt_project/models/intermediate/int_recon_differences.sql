-- One row per balance that differs by more than its tolerance, or that one side does not have.
with source as (
    select status_code
    from {{ ref('int_recon_sources') }}
    where source_code = 'core_loan_balance'
),

of_loans as (
    select
        'core_loan_balance' as source_code,
        lines.loan_id as subject_id,
        lines.measure_code,
        lines.currency,
        lines.our_amount,
        lines.their_amount,
        lines.our_date,
        lines.their_date
    from {{ ref('int_recon_lines') }} as lines
    where
        lines.is_compared
        and (select source.status_code from source) = 'COMPARED'
        and case
            when lines.measure_code = 'oldest_unpaid_due_date'
                then
                    lines.our_date is distinct from lines.their_date
                    and coalesce(abs(lines.our_date - lines.their_date) > lines.item_tolerance, true)
            else
                abs(coalesce(lines.our_amount, 0) - coalesce(lines.their_amount, 0)) > lines.item_tolerance
                or (lines.loan_status = 'ACTIVE' and not lines.is_theirs)
        end
),

of_accounts as (
    select
        'gl_balance' as source_code,
        ledger.gl_account_code || '|' || ledger.branch_code as subject_id,
        tolerance.measure_code,
        ledger.currency,
        ledger.our_amount,
        ledger.their_amount,
        null::date as our_date,
        null::date as their_date
    from {{ ref('int_recon_ledger') }} as ledger
    join {{ policy('recon_tolerance') }} as tolerance
        on
            tolerance.source_code = 'gl_balance'
            and tolerance.measure_code = 'principal_outstanding'
            and ledger.currency = tolerance.currency
    where abs(coalesce(ledger.our_amount, 0) - coalesce(ledger.their_amount, 0)) > tolerance.item_tolerance
)

select * from of_loans
union all
select * from of_accounts
