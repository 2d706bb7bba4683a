-- One row per bureau report of a borrower of a touched live loan, and how recent it is among those of its bureau. A
-- table of its own, so that the planner knows how many there are when they are put beside each other.
with borrowers as (
    select * from {{ ref('int_live_borrowers') }}
),

all_reports as (
    select * from {{ ref('stg_bureau__bureau_reports') }}
)

select
    all_reports.*,
    all_reports.pull_date < borrowers.lending_since_date as is_before_lending,
    all_reports.pull_date <= {{ business_date() }} as is_known,
    row_number() over (
        partition by
            all_reports.borrower_id, all_reports.bureau_code, all_reports.pull_date <= {{ business_date() }}
        order by all_reports.pull_date desc, all_reports.pull_id desc
    ) as recency,
    row_number() over (
        partition by
            all_reports.borrower_id,
            all_reports.bureau_code,
            all_reports.pull_date <= {{ business_date() }},
            all_reports.pull_date < borrowers.lending_since_date
        order by all_reports.pull_date desc, all_reports.pull_id desc
    ) as recency_on_its_side
from borrowers
join all_reports on borrowers.borrower_id = all_reports.borrower_id
