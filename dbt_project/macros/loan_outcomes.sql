{#
  What became of loans, as it is known on the dates of the spine: (loan_id, event_code, event_date). LATE: the first day on
  which an instalment stood unpaid for more than exceeds_days. What is bad and what is excluded, models/labels.py says.
#}
{% macro loan_outcomes(spine, exceeds_days) %}
with {{ loan_history(spine) }}

select
    loan_id,
    'LATE' as event_code,
    greatest(unpaid_from, due_date + {{ exceeds_days }} + 1) as event_date
from lateness
where
    was_unpaid
    and greatest(unpaid_from, due_date + {{ exceeds_days }} + 1) < coalesce(unpaid_until, business_date + 1)
union all
select
    source.loan_id,
    source.contract_status as event_code,
    source.status_date as event_date
from spine
join raw.core_banking__loan_contract as source on spine.loan_id = source.loan_id
where
    source.contract_status in ('CHARGED_OFF', 'SOLD')
    and source.status_date <= spine.business_date
    and {{ known_at_spine('core_banking__loan_contract') }}
union all
select
    source.loan_id,
    'RESTRUCTURE' as event_code,
    source.granted_date as event_date
from spine
join raw.core_banking__forbearance_event as source on spine.loan_id = source.loan_id
where
    source.has_financial_difficulty
    and source.granted_date <= spine.business_date
    and {{ known_at_spine('core_banking__forbearance_event') }}
union all
select
    spine.loan_id,
    'DECEASED' as event_code,
    source.deceased_date as event_date
from contracts as spine
join raw.customer__borrower as source on spine.borrower_id = source.borrower_id
where
    source.deceased_date <= spine.business_date
    and {{ known_at_spine('customer__borrower') }}
{% endmacro %}
