-- One row per ledger account, branch and currency: the principal of the loans that policy puts there, and its balance.
-- A live loan that policy puts nowhere stands on the account UNASSIGNED.
with accounts as (
    select * from {{ policy('gl_account') }} as account
),

source_status as (
    select status_code = 'COMPARED' as is_compared
    from {{ ref('int_recon_sources') }}
    where source_code = 'gl_balance'
),

loans as (
    select
        coalesce(accounts.gl_account_code, 'UNASSIGNED') as gl_account_code,
        coalesce(loans.branch_code, 'NONE') as branch_code,
        loans.currency,
        loans.our_principal_amount
    from {{ ref('int_recon_loans') }} as loans
    left join accounts
        on loans.loan_status = accounts.loan_status and accounts.product_code in (loans.product_code, 'ANY')
    where
        loans.is_ours
        and (accounts.gl_account_code is not null or loans.loan_status = 'ACTIVE')
        and (select source_status.is_compared from source_status)
),

ours as (
    select
        gl_account_code,
        branch_code,
        currency,
        sum(our_principal_amount) as our_amount
    from loans
    group by gl_account_code, branch_code, currency
),

theirs as (
    select
        balance.gl_account_code,
        balance.branch_code,
        balance.currency,
        balance.balance_amount as their_amount
    from {{ ref('stg_general_ledger__gl_balances') }} as balance
    where
        (select source_status.is_compared from source_status)
        -- other accounts hold no loan principal
        and balance.gl_account_code in (select accounts.gl_account_code from accounts)
)

select
    coalesce(ours.gl_account_code, theirs.gl_account_code) as gl_account_code,
    coalesce(ours.branch_code, theirs.branch_code) as branch_code,
    coalesce(ours.currency, theirs.currency) as currency,
    ours.our_amount,
    theirs.their_amount
from ours
full join theirs
    on
        ours.gl_account_code = theirs.gl_account_code
        and ours.branch_code = theirs.branch_code
        and ours.currency = theirs.currency
