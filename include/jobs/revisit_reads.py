"""What the revisit part of decide reads: the run's own rows, the base's rows of the same loans, staging, and stops."""

from datetime import datetime, time, timedelta
from typing import LiteralString
from zoneinfo import ZoneInfo

from include.settings import Settings
from include.warehouse.runs import Job

# every loan of a touched borrower is touched, so a borrower's exposure is whole here
LOANS: LiteralString = """
    select position.loan_id, position.borrower_id, position.currency, position.principal_amount,
        position.principal_outstanding_amount, position.delinquency_bucket, position.disbursement_date,
        term.first_due_date, term.final_due_date, position.oldest_unpaid_due_date,
        score.predicted_rate as probability,
        case when profile.deceased_date is not null then 'DECEASED' when profile.is_vulnerable then 'VULNERABLE' end
            as exemption_code
    from published.loan_position as position
    left join (
        select loan_id, schedule_version, min(due_date) as first_due_date, max(due_date) as final_due_date
        from intermediate.int_instalments group by loan_id, schedule_version
    ) as term on term.loan_id = position.loan_id and term.schedule_version = position.schedule_version
    left join published.loan_score as score
        on score.business_date = position.business_date and score.run_id = position.run_id
        and score.loan_id = position.loan_id
    left join published.borrower_profile as profile
        on profile.business_date = position.business_date and profile.run_id = position.run_id
        and profile.borrower_id = position.borrower_id
    where position.business_date = %(business_date)s and position.run_id = %(run_id)s
      and position.is_live and position.borrower_id is not null
    order by position.loan_id
"""
# in the order in which they happened; of a visit the hour is not delivered: it stands after every attempt of the day
CONTACTS: LiteralString = """
    with borrowers as (
        select borrower_id from published.touched_borrower
        where business_date = %(business_date)s and run_id = %(run_id)s
    ),
    contacts as (
        select contact.borrower_id, contact.loan_id, contact.contact_date, contact.channel_code,
            coalesce(contact.party_code, 'SELF') = 'SELF' and contact.outcome_code in ('REACHED', 'REFUSED')
                as is_right_party,
            not contact.is_inbound and contact.channel_code in ('PHONE', 'VIDEO', 'FIELD', 'AI_CALL')
                and (contact.outcome_code in ('NO_ANSWER', 'BUSY', 'POWERED_OFF', 'INVALID_NUMBER', 'VOICEMAIL',
                    'NOT_AT_HOME', 'WRONG_PERSON') or coalesce(contact.party_code = 'THIRD_PARTY', false))
                as is_failed_attempt,
            not contact.is_inbound and contact.purpose_code = 'REVISIT' and contact.outcome_code = 'SENT'
                as is_invitation,
            null as fund_use_answer_code, null as ability_answer_code, null as default_sign_answer_code,
            false as is_hardship_claimed, contact.started_at as happened_at, contact.contact_id as source_id
        from borrowers join staging.stg_contact_center__contact_events as contact using (borrower_id)
        union all
        select visit.borrower_id, visit.loan_id, visit.visit_date, visit.channel_code, visit.is_right_party, false,
            false, visit.fund_use_answer_code, visit.ability_answer_code, visit.default_sign_answer_code,
            visit.is_hardship_claimed, 'infinity', visit.visit_id
        from borrowers join staging.stg_contact_center__revisit_outcomes as visit using (borrower_id)
    )
    select borrower_id, loan_id, contact_date, channel_code, is_right_party, is_failed_attempt, is_invitation,
        fund_use_answer_code, ability_answer_code, default_sign_answer_code, is_hardship_claimed
    from contacts order by contact_date, happened_at, source_id
"""
BASE_PLAN: LiteralString = """
    with former as (
        select distinct on (now.loan_id) now.loan_id, earlier.business_date, earlier.run_id
        from published.touched_loan as now
        join published.touched_loan as earlier on earlier.loan_id = now.loan_id
        join ops.run_chain as chain on chain.run_id = %(base_run_id)s
            and earlier.run_id = chain.ancestor_run_id and earlier.business_date = chain.ancestor_business_date
        where now.business_date = %(business_date)s and now.run_id = %(run_id)s
        order by now.loan_id, chain.depth
    )
    select plan.* from former join published.revisit_plan as plan using (business_date, run_id, loan_id)
"""
BASE_TIERS: LiteralString = """
    with former as (
        select distinct on (now.borrower_id) now.borrower_id, earlier.business_date, earlier.run_id
        from published.touched_borrower as now
        join published.touched_borrower as earlier on earlier.borrower_id = now.borrower_id
        join ops.run_chain as chain on chain.run_id = %(base_run_id)s
            and earlier.run_id = chain.ancestor_run_id and earlier.business_date = chain.ancestor_business_date
        where now.business_date = %(business_date)s and now.run_id = %(run_id)s
        order by now.borrower_id, chain.depth
    )
    select tier.* from former join published.risk_tier as tier using (business_date, run_id, borrower_id)
"""
# rows along a chain that no later run of it has replaced
BASE_LOAD: LiteralString = """
    select plan.due_date, plan.least_channel_code, count(*) as loan_count
    from ops.run_chain as chain
    join published.revisit_plan as plan
        on plan.business_date = chain.ancestor_business_date and plan.run_id = chain.ancestor_run_id
    where chain.run_id = %(base_run_id)s and plan.due_date is not null and not exists (
        select 1 from ops.run_chain as later
        join published.touched_loan as touched
            on touched.business_date = later.ancestor_business_date and touched.run_id = later.ancestor_run_id
        where later.run_id = %(base_run_id)s and later.depth < chain.depth and touched.loan_id = plan.loan_id)
    group by plan.due_date, plan.least_channel_code
"""
DUE: LiteralString = """
    select plan.*, position.branch_code
    from ops.run_chain as chain
    join published.revisit_plan as plan
        on plan.business_date = chain.ancestor_business_date and plan.run_id = chain.ancestor_run_id
    join published.loan_position as position
        on position.business_date = plan.business_date and position.run_id = plan.run_id
        and position.loan_id = plan.loan_id
    where chain.run_id = %(run_id)s and plan.next_attempt_date <= %(last_due)s and not exists (
        select 1 from ops.run_chain as later
        join published.touched_loan as touched
            on touched.business_date = later.ancestor_business_date and touched.run_id = later.ancestor_run_id
        where later.run_id = %(run_id)s and later.depth < chain.depth and touched.loan_id = plan.loan_id)
    order by plan.loan_id
"""
BORROWERS: LiteralString = """
    with last_touch as (
        select distinct on (touched.borrower_id) touched.borrower_id, touched.business_date, touched.run_id
        from ops.run_chain as chain
        join published.touched_borrower as touched
            on touched.business_date = chain.ancestor_business_date and touched.run_id = chain.ancestor_run_id
        where chain.run_id = %(run_id)s and touched.borrower_id = any(%(borrowers)s)
        order by touched.borrower_id, chain.depth
    )
    select profile.borrower_id, profile.timezone, profile.region_code, profile.preferred_language_code,
        profile.mobile_phone_token, profile.failed_attempt_count, profile.oldest_unpaid_due_date, profile.deceased_date,
        profile.is_vulnerable, profile.live_loan_count, profile.last_right_party_contact_date, profile.currency,
        profile.past_due_amount, profile.open_promise_date, profile.open_promise_amount
    from last_touch join published.borrower_profile as profile using (business_date, run_id, borrower_id)
"""
# what whoever calls needs beside the reason: the last row of each loan along the run's own chain, and the last contacts
DETAILS: LiteralString = """
    with last_touch as (
        select distinct on (touched.loan_id) touched.loan_id, touched.business_date, touched.run_id
        from ops.run_chain as chain
        join published.touched_loan as touched
            on touched.business_date = chain.ancestor_business_date and touched.run_id = chain.ancestor_run_id
        where chain.run_id = %(run_id)s and touched.borrower_id = any(%(borrowers)s)
        order by touched.loan_id, chain.depth
    ),
    loans as (
        select position.borrower_id, string_agg(distinct position.product_code, ',' order by position.product_code)
                as product_codes, min(position.next_due_date) as next_due_date,
            bool_or(origination.is_autodebit) as is_autodebit
        from last_touch join published.loan_position as position using (business_date, run_id, loan_id)
        left join staging.stg_core_banking__loan_originations as origination on origination.loan_id = position.loan_id
        where position.is_live
        group by position.borrower_id
    ),
    contacts as (
        select borrower_id, string_agg(told, '; ' order by number) as last_contacts
        from (
            select borrower_id, contact_date || ' ' || channel_code || ' ' || outcome_code as told,
                row_number() over (
                    partition by borrower_id order by contact_date desc, started_at desc, contact_id desc) as number
            from staging.stg_contact_center__contact_events where borrower_id = any(%(borrowers)s)
        ) as numbered
        where number <= 3
        group by borrower_id
    )
    select asked.borrower_id, person.full_name_masked as masked_name, loans.product_codes, loans.next_due_date,
        loans.is_autodebit, contacts.last_contacts
    from unnest(%(borrowers)s::text[]) as asked (borrower_id)
    left join staging.stg_customer__borrowers as person on person.borrower_id = asked.borrower_id
    left join loans on loans.borrower_id = asked.borrower_id
    left join contacts on contacts.borrower_id = asked.borrower_id
    order by asked.borrower_id
"""
# who visited a borrower last, and to whom the base gave the item, which is still due
FORMER: LiteralString = """
    with visited as (
        select distinct on (borrower_id) borrower_id, officer_id
        from staging.stg_contact_center__revisit_outcomes
        where borrower_id = any(%(borrowers)s) and officer_id is not null and is_right_party
        order by borrower_id, visit_date desc, visit_id desc
    )
    select asked.borrower_id, visited.officer_id as previous_officer_id, held.officer_id as holder_officer_id,
        held.channel_layer as held_layer
    from unnest(%(borrowers)s::text[]) as asked (borrower_id)
    left join visited on visited.borrower_id = asked.borrower_id
    left join published.revisit_assignment as held
        on held.run_id = %(base_run_id)s and held.borrower_id = asked.borrower_id
    order by asked.borrower_id
"""
HISTORY: LiteralString = """
    select borrower_id, loan_id, dialled_phone_token as phone_token, channel_code, started_at, is_connected, is_inbound
    from staging.stg_contact_center__contact_events
    where borrower_id = any(%(borrowers)s) and contact_date > %(business_date)s - 40
    order by contact_id
"""
# a stop that was recorded after the run's day of knowledge acts through serving.contact_eligible_now
STOPS: LiteralString = """
    select borrower_id, stop_code, min(stopped_at) as stopped_at,
        case when bool_and(released_at is not null) then max(released_at) end as released_at
    from (
        select stop.borrower_id, stop.stop_code, stop.happened_at as stopped_at, (
                select min(release.happened_at) from ops.contact_stop as release
                where release.borrower_id = stop.borrower_id and release.stop_code = stop.stop_code
                  and release.action = 'RELEASE' and release.recorded_at > stop.recorded_at
                  and release.recorded_at < %(cutoff)s) as released_at
        from ops.contact_stop as stop
        where stop.action = 'STOP' and stop.recorded_at < %(cutoff)s and stop.borrower_id = any(%(borrowers)s)
    ) as stop
    group by borrower_id, stop_code
    order by borrower_id, stop_code
"""
ASSIGNED_BEFORE: LiteralString = "select * from published.revisit_assignment where run_id = %(replaced)s"
SUPPRESSED_BEFORE: LiteralString = "select * from published.contact_suppression where run_id = %(replaced)s"
WORKED_BEFORE: LiteralString = "select * from published.work_item where run_id = %(replaced)s"
OFFICERS: LiteralString = """
    select officer_id, role_code, region_code, skill_codes, language_codes, borrower_id, is_active
    from staging.stg_workforce__officers order by officer_id
"""
CONFLICTS: LiteralString = """
    select distinct origination.originating_officer_id as officer_id, contract.borrower_id
    from staging.stg_core_banking__loan_contracts as contract
    join staging.stg_core_banking__loan_originations as origination on origination.loan_id = contract.loan_id
    where contract.borrower_id = any(%(borrowers)s) and origination.originating_officer_id is not null
      and exists (
        select 1 from ref.assignment_conflict as policy
        where policy.conflict_code = 'ORIGINATED' and policy.valid_from <= %(work_date)s
          and coalesce(policy.valid_to, 'infinity') >= %(work_date)s)
    order by 1, 2
"""
CAPACITIES: LiteralString = """
    select officer_id, max_call_count, max_field_visit_count
    from staging.stg_workforce__officer_capacities where work_date = %(work_date)s order by officer_id
"""
TEAM_CAPACITY: LiteralString = """
    select capacity.work_date,
        sum(case when officer.role_code = 'CALL' then capacity.max_call_count else 0 end) as call_count,
        sum(case when officer.role_code = 'FIELD' then capacity.max_field_visit_count else 0 end) as visit_count
    from staging.stg_workforce__officer_capacities as capacity
    join staging.stg_workforce__officers as officer on officer.officer_id = capacity.officer_id and officer.is_active
    where capacity.work_date > %(business_date)s
    group by capacity.work_date order by capacity.work_date
"""


def show_run_to_staging(job: Job) -> None:
    """Tell the session whose rows the staging views show (dbt_project/macros/in_effect.sql)."""
    run = job.run
    job.connection.execute(
        "select set_config('postloan.run_id', %s, false), set_config('postloan.business_date', %s, false), "
        "set_config('postloan.known_date', %s, false)",
        (run.run_id, run.business_date.isoformat(), run.known_date.isoformat()),
    )
    # The run's own rows are younger than any statistics: believing that there are none, the server would go through
    # one table for each row of the other. Every read here is of whole sets.
    job.connection.execute("set local enable_nestloop = off")


def known_until(job: Job, settings: Settings) -> datetime:
    """The end of the run's day of knowledge on the lender's clock: what was recorded later is not in its pins."""
    return datetime.combine(job.run.known_date + timedelta(days=1), time.min, ZoneInfo(settings.timezone))
