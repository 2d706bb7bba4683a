-- What people do about a warning, and where a named person overrules it. Append-only; a run reads what its day knew.
create table ops.alert_action (
    action_id bigint generated always as identity primary key,
    loan_id text not null,
    action_code text not null check (action_code in ('ACKNOWLEDGE', 'SNOOZE', 'WORK', 'CLOSE')),
    disposition_code text check (disposition_code in ('CONFIRMED', 'MITIGATED', 'FALSE_ALARM', 'DUPLICATE', 'NOT_REACHABLE')),
    until_date date, -- of a snooze
    note text not null check (btrim(note) <> ''),
    actor text not null check (btrim(actor) <> ''),
    happened_at timestamptz not null,
    recorded_at timestamptz not null default clock_timestamp(),
    recorded_by text not null default session_user,
    check (happened_at <= recorded_at),
    check ((action_code = 'CLOSE') = (disposition_code is not null)),
    check ((action_code = 'SNOOZE') = (until_date is not null))
);
create index on ops.alert_action (loan_id, recorded_at);

create table ops.warning_override (
    override_id bigint generated always as identity primary key,
    loan_id text not null,
    field_code text not null check (field_code in ('SEVERITY', 'TREATMENT')),
    value text not null,
    reason text not null check (btrim(reason) <> ''),
    evidence text not null check (btrim(evidence) <> ''),
    until_date date not null, -- the last business date on which it holds
    made_by text not null check (btrim(made_by) <> ''),
    approved_by text check (approved_by <> made_by), -- needed to lower a severity
    happened_at timestamptz not null,
    recorded_at timestamptz not null default clock_timestamp(),
    recorded_by text not null default session_user,
    check (happened_at <= recorded_at)
);
create index on ops.warning_override (loan_id, recorded_at);

create function ops.refuse_change_of_alerts() returns trigger language plpgsql as $$
begin
    raise exception 'ops.% is append-only: what was done stays, add a further row', tg_table_name;
end
$$;
create trigger alert_action_is_append_only before update or delete or truncate on ops.alert_action
    for each statement execute function ops.refuse_change_of_alerts();
create trigger warning_override_is_append_only before update or delete or truncate on ops.warning_override
    for each statement execute function ops.refuse_change_of_alerts();
