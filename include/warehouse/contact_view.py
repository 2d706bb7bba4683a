"""``serving.contact_eligible_now``: who of the newest work items may be contacted at this moment.

Every dialer, export and view that leads to a contact joins it. It reads the stops as they are now, not as a run pinned
them, so a stop blocks from the moment at which it is recorded.
"""

CONTACT_ELIGIBLE_NOW = """
create or replace view serving.contact_eligible_now with (security_barrier) as
select
    assigned.business_date,
    assigned.run_id,
    assigned.work_date,
    assigned.borrower_id,
    assigned.branch_code,
    assigned.channel_code,
    assigned.officer_id,
    assigned.window_start_at,
    assigned.window_end_at,
    standing.stop_codes,
    now() >= assigned.window_start_at and now() < assigned.window_end_at as is_inside_window,
    standing.stop_codes is null
    and now() >= assigned.window_start_at and now() < assigned.window_end_at as is_eligible
from serving.work_item as assigned
cross join lateral (
    select string_agg(last.stop_code, ',' order by last.stop_code) as stop_codes
    from (
        select distinct on (stop.stop_code)
            stop.stop_code, stop.action, stop.purpose_codes, stop.stands_until
        from ops.contact_stop as stop
        where stop.borrower_id = assigned.borrower_id
        order by stop.stop_code, stop.stop_id desc
    ) as last
    where last.action = 'STOP'
      and coalesce(last.stands_until, 'infinity') > now()
      and string_to_array(last.purpose_codes, ';') && array['ANY', assigned.purpose_code]
) as standing
where assigned.window_start_at is not null
"""
