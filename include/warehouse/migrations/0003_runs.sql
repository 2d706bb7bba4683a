-- Runs, their pinned inputs, what is published, and the one writer.

create table ops.run (
    run_id text primary key check (run_id ~ '^[0-9a-f]{16}$'),
    business_date date not null,
    known_date date not null check (known_date >= business_date),
    kind text not null check (kind in ('daily', 'restate', 'rebuild')),
    is_keyframe boolean not null,
    base_run_id text references ops.run,
    replaces_run_id text references ops.run, -- what was pointed at on this date when the run was opened
    status text not null check (status in ('OPEN', 'FAILED', 'ABANDONED', 'COMPLETE', 'PUBLISHED', 'ROLLED_BACK', 'SUPERSEDED')),
    attempt integer not null default 1,
    is_sealed boolean not null default false, -- once pointed at, its rows never change
    policy_hash text not null,
    code_hash text not null,
    failure text
);
comment on table ops.run is 'One row a run. run_id is a hash of everything that decides the result.';
create index on ops.run (business_date);
create index on ops.run (base_run_id);

create table ops.run_input (
    run_id text not null references ops.run,
    batch_id bigint not null,
    primary key (run_id, batch_id)
);
comment on table ops.run_input is 'The batches that a run has pinned: staging reads these and no others.';

create table ops.run_chain (
    run_id text not null references ops.run,
    depth integer not null,
    ancestor_run_id text not null references ops.run,
    ancestor_business_date date not null,
    primary key (run_id, depth)
);
comment on table ops.run_chain is 'The run itself (depth 0), its base, that run''s base, back to the nearest keyframe.';
create index on ops.run_chain (ancestor_run_id);

create table ops.run_source (
    run_id text not null references ops.run,
    system text not null,
    data_as_of date,
    is_stale boolean not null,
    primary key (run_id, system)
);

create table ops.writer (
    is_the_one boolean primary key default true check (is_the_one),
    run_id text references ops.run,
    attempt integer
);
comment on table ops.writer is 'The run and attempt that may write. Every writing transaction reads it for share.';
insert into ops.writer default values;

create table ops.run_step (
    run_id text not null references ops.run,
    attempt integer not null,
    step text not null,
    status text not null check (status in ('RUNNING', 'DONE', 'FAILED')),
    counts jsonb,
    started_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    primary key (run_id, attempt, step)
);
comment on table ops.run_step is 'The attempt log: what ran when. Not part of any output.';

create table ops.publication (
    business_date date not null,
    data_set text not null,
    run_id text not null references ops.run,
    primary key (business_date, data_set)
);
comment on table ops.publication is 'The pointers: which run readers see for a date. Moved for all data sets of a date at once.';

create table ops.publication_event (
    event_number bigint generated always as identity primary key,
    business_date date not null,
    action text not null check (action in ('PUBLISH', 'RESTATE', 'ROLLBACK', 'WITHDRAW')),
    from_run_id text references ops.run,
    to_run_id text references ops.run,
    actor text not null,
    reason text,
    happened_at timestamptz not null default clock_timestamp()
);

create table ops.run_manifest (
    run_id text not null references ops.run,
    data_set text not null,
    row_count bigint not null,
    content_hash numeric not null, -- sum of 64-bit hashes of the rows: the same whatever the order
    primary key (run_id, data_set)
);

create table ops.policy_row (
    policy text not null,
    row_hash text not null,
    valid_from date not null,
    valid_to date,
    content jsonb not null,
    primary key (policy, row_hash)
);
comment on table ops.policy_row is 'The dated policy rows of the last publication: rows of published dates may not change unseen.';

create table ops.restatement_due (
    business_date date not null,
    batch_id bigint not null,
    system text not null,
    table_name text not null,
    primary key (business_date, batch_id)
);
comment on table ops.restatement_due is 'Published dates that a correction concerns, until somebody restates or waives them.';

create table ops.month_close (
    month date primary key check (month = date_trunc('month', month)::date),
    last_run_id text not null references ops.run,
    content_hash numeric not null,
    reopened_by text
);
comment on table ops.month_close is 'Sealed months: their dates are restated only with --reopen and an approver.';

-- Every writing transaction calls this first: the lock on the row makes a later owner wait, the check refuses a former one.
create function ops.assert_writer(expected_run_id text, expected_attempt integer) returns void
language plpgsql as $$
declare
    holder ops.writer;
begin
    select * into holder from ops.writer for share;
    if holder.run_id is distinct from expected_run_id or holder.attempt is distinct from expected_attempt then
        raise exception 'attempt % of run % is superseded: the warehouse belongs to run %, attempt %',
            expected_attempt, expected_run_id, coalesce(holder.run_id, 'none'), coalesce(holder.attempt, 0)
            using errcode = 'PL001';
    end if;
end
$$;

-- A run that readers have seen never changes.
create function ops.refuse_sealed_rows() returns trigger language plpgsql as $$
declare
    sealed_run text;
begin
    select run.run_id into sealed_run
    from (select distinct run_id from changed_rows) as changed
    join ops.run as run using (run_id)
    where run.is_sealed
    limit 1;
    if sealed_run is not null then
        raise exception 'run % is sealed: it has been published, its rows in % cannot change', sealed_run, tg_table_name
            using errcode = 'PL002';
    end if;
    return null;
end
$$;

-- Runs one of whose bases is no longer pointed at: readable, may be a base, and marked.
create view ops.run_standing as
with recursive lineage as (
    select run_id, base_run_id, run_id as ancestor_run_id from ops.run
    union all
    select lineage.run_id, base.base_run_id, base.run_id
    from lineage
    join ops.run as base on base.run_id = lineage.base_run_id
)
select
    run.run_id,
    run.business_date,
    run.status,
    coalesce(bool_or(base.status <> 'PUBLISHED'), false) as has_withdrawn_base
from ops.run as run
join lineage using (run_id)
left join ops.run as base on base.run_id = lineage.ancestor_run_id and base.run_id <> run.run_id
group by run.run_id, run.business_date, run.status;

grant select on all tables in schema ops to postloan_pipeline;
grant insert, update on ops.run, ops.run_step, ops.publication, ops.run_manifest, ops.month_close to postloan_pipeline;
grant insert on ops.run_input, ops.run_chain, ops.run_source, ops.publication_event to postloan_pipeline;
grant insert, update, delete on ops.policy_row, ops.restatement_due to postloan_pipeline;
grant delete on ops.publication, ops.run_manifest, ops.run_input, ops.run_chain, ops.run_source to postloan_pipeline;
grant update on ops.writer to postloan_pipeline;
grant select on ops.publication, ops.run_chain, ops.writer, ops.run to serving_owner;

-- The monthly partition of a published table that holds this date. Made apart and then attached: attaching takes a lock
-- that readers do not notice, "create table ... partition of" one that they wait for and may die of.
create function ops.ensure_partition(table_name text, month_of date) returns void language plpgsql as $$
declare
    month_start date := date_trunc('month', month_of)::date;
    partition_name text := format('%s_%s', table_name, to_char(month_start, 'YYYY_MM'));
begin
    if to_regclass(format('published.%I', partition_name)) is null then
        execute format(
            'create table published.%I (like published.%I including defaults including constraints)',
            partition_name, table_name
        );
        execute format(
            'alter table published.%I attach partition published.%I for values from (%L) to (%L)',
            table_name, partition_name, month_start, (month_start + interval '1 month')::date
        );
    end if;
end
$$;

create table ops.run_model (
    run_id text not null references ops.run,
    attempt integer not null,
    step text not null,
    model text not null,
    status text not null,
    rows_written bigint,
    seconds numeric(10, 3) not null,
    message text,
    primary key (run_id, attempt, step, model)
);
comment on table ops.run_model is 'What dbt did, a row a model. Part of the attempt log.';

create table ops.policy_loaded (
    is_the_one boolean primary key default true check (is_the_one),
    policy_hash text not null
);
comment on table ops.policy_loaded is 'Which policy files the tables in ref hold.';

-- A keyframe says what a change of code, policy or model did to loans that nothing else touched.
create table ops.run_effect (
    run_id text not null references ops.run,
    data_set text not null,
    column_name text not null,
    row_count bigint not null,
    primary key (run_id, data_set, column_name)
);

grant select on ops.run_model, ops.policy_loaded, ops.run_effect to postloan_pipeline;
grant insert on ops.run_model to postloan_pipeline;
grant insert, update on ops.policy_loaded to postloan_pipeline;
grant insert, delete on ops.run_effect to postloan_pipeline;

create table ops.run_reason (
    run_id text primary key references ops.run,
    reason text not null,
    approver text
);
comment on table ops.run_reason is 'Why a person restated a date, and who approved it.';
grant select, insert on ops.run_reason to postloan_pipeline;
