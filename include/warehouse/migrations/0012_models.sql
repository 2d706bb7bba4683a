-- How models in use are doing, as a month-end's run knows it: measured after publication, for people and the report.
create table ops.model_monitor (
    business_date date not null,
    run_id text not null references ops.run (run_id),
    model_code text not null,
    model_version text not null,
    segment_code text not null, -- a segment, segments that share a card joined by +, or ALL
    measure_code text not null,
    feature_code text not null, -- '' where the measure is of the score
    value numeric(12, 6), -- null while NOT_MATURE
    n integer not null check (n >= 0),
    bads integer check (bads between 0 and n), -- null where outcomes play no part
    status_code text not null check (status_code in ('OK', 'WATCH', 'ACT', 'NOT_MATURE')),
    from_date date, -- first and last month-end that were measured
    to_date date,
    primary key (run_id, model_code, model_version, segment_code, measure_code, feature_code),
    check ((value is null) = (status_code = 'NOT_MATURE'))
);
create index on ops.model_monitor (business_date);

-- What a person said of a trained draft. It puts nothing in force: that is a row of the policy model_registry.
create table ops.model_review (
    review_id bigint generated always as identity primary key,
    business_date date not null,
    run_id text not null references ops.run (run_id),
    model_code text not null,
    model_version text not null,
    card_sha256 text not null check (card_sha256 ~ '^[0-9a-f]{64}$'),
    decision text not null check (decision in ('APPROVED', 'REJECTED')),
    reviewer text not null check (btrim(reviewer) <> ''),
    remark text not null default '',
    recorded_at timestamptz not null default clock_timestamp(),
    recorded_by text not null default session_user
);

create function ops.refuse_change_of_model_review() returns trigger language plpgsql as $$
begin
    raise exception 'ops.model_review is append-only: say it again in a later row';
end
$$;
create trigger model_review_is_append_only before update or delete or truncate on ops.model_review
    for each statement execute function ops.refuse_change_of_model_review();
