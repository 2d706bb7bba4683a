-- One row per system to compare with: up to when it has spoken, and whether it spoke for the business date itself.
-- A full delivery without a changed row counts: its batch is in the ledger.
with expected as (
    select *
    from (
        values
        ('core_loan_balance', 'core_banking'),
        ('gl_balance', 'general_ledger')
    ) as source (source_code, system)
),

delivered as (
    select
        batch.table_name,
        max(batch.business_date) as data_as_of_date
    from ops.run_input as input
    join ops.load_batch as batch on input.batch_id = batch.batch_id
    where
        input.run_id = {{ run_id() }}
        and batch.table_name in (select expected.source_code from expected)
        and batch.part = 'delivered'
        and batch.business_date <= {{ business_date() }}
    group by batch.table_name
)

select
    expected.source_code,
    delivered.data_as_of_date,
    case
        when delivered.data_as_of_date is null then 'MISSING'
        when delivered.data_as_of_date < {{ business_date() }} then 'STALE'
        else 'COMPARED'
    end as status_code
from expected
left join delivered on expected.source_code = delivered.table_name
