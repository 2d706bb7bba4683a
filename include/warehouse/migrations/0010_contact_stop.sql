-- Stop events act at once, without a run: the intake writes here, and what shows who may be contacted now reads here.
-- Append-only: a stop ends by a release, never by a change of its row.
create table ops.contact_stop (
    stop_id bigint generated always as identity primary key,
    borrower_id text not null,
    stop_code text not null check (stop_code ~ '^[A-Z][A-Z_]*$'),
    action text not null check (action in ('STOP', 'RELEASE')),
    happened_at timestamptz not null, -- when the borrower said so: a replay judges by it
    recorded_at timestamptz not null default clock_timestamp(), -- when it was known here: a run reads what its day knew
    source text not null check (btrim(source) <> ''),
    purpose_codes text not null default 'ANY' check (purpose_codes <> ''), -- what it stops, separated by ;
    stands_until timestamptz, -- null: until it is released
    recorded_by text not null default session_user,
    check (happened_at <= recorded_at)
);
create index on ops.contact_stop (borrower_id, stop_code, recorded_at);

create function ops.refuse_change_of_contact_stop() returns trigger language plpgsql as $$
begin
    raise exception 'ops.contact_stop is append-only: a stop ends by a row with action RELEASE';
end
$$;
create trigger contact_stop_is_append_only before update or delete or truncate on ops.contact_stop
    for each statement execute function ops.refuse_change_of_contact_stop();
