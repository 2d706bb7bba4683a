-- A role for every job. What needs the owner's rights becomes a function of the owner that does only that.

-- Every writing transaction calls it; only the publisher may change the row that it locks.
alter function ops.assert_writer(text, integer) security definer;
alter function ops.assert_writer(text, integer) set search_path = pg_catalog, pg_temp;
alter function ops.ensure_partition(text, date) security definer;
alter function ops.ensure_partition(text, date) set search_path = pg_catalog, pg_temp;
alter function ops.refuse_sealed_rows() security definer;
alter function ops.refuse_sealed_rows() set search_path = pg_catalog, pg_temp;

-- Autovacuum comes too late after a large load; only an owner may analyze.
create function ops.analyze_table(schema_name text, table_name text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if schema_name not in ('raw', 'published') and (schema_name, table_name) <> ('ops', 'run_input') then
        raise exception 'statistics of %.% are nobody''s to refresh', schema_name, table_name using errcode = '42501';
    end if;
    execute format('analyze %I.%I', schema_name, table_name);
end
$$;

-- A large first load is sent without indexes; they are built at its end, in the same transaction.
create table ops.postponed_index (
    table_name text not null,
    definition text not null,
    primary key (table_name, definition)
);
comment on table ops.postponed_index is 'Indexes of a raw table between the two halves of one load. Empty for everybody else.';

create function ops.drop_raw_indexes(of_table text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    found record;
begin
    for found in select indexname, indexdef from pg_indexes where schemaname = 'raw' and tablename = of_table order by 1
    loop
        insert into ops.postponed_index values (of_table, found.indexdef);
        execute format('drop index raw.%I', found.indexname);
    end loop;
end
$$;

create function ops.build_raw_indexes(of_table text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    wanted text;
begin
    for wanted in
        delete from ops.postponed_index where table_name = of_table returning definition
    loop
        execute wanted;
    end loop;
end
$$;

-- A job whose candidate is refused ends its own run, and no other.
create function ops.fail_run(failed_run_id text, failed_attempt integer, why text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    perform from ops.writer where run_id = failed_run_id and attempt = failed_attempt for update;
    if not found then
        return; -- a later attempt has the run
    end if;
    update ops.run set status = 'FAILED', failure = why where run_id = failed_run_id and status = 'OPEN';
    update ops.writer set run_id = null, attempt = null where run_id = failed_run_id;
end
$$;

-- publish believes what the steps of an attempt say of themselves: each role writes its own only.
alter table ops.run_step enable row level security;
create policy owner_sees_all on ops.run_step to postloan_owner using (true) with check (true);
create policy everybody_reads on ops.run_step for select using (true);
create policy transformer_writes on ops.run_step to postloan_transformer
    using (step = 'transform') with check (step = 'transform');
create policy validator_writes on ops.run_step to postloan_validator
    using (starts_with(step, 'audit_')) with check (starts_with(step, 'audit_'));
create policy scorer_writes on ops.run_step to postloan_scorer
    using (step in ('score', 'decide')) with check (step in ('score', 'decide'));
create policy publisher_writes on ops.run_step to postloan_publisher
    using (not starts_with(step, 'audit_') and step not in ('transform', 'score', 'decide'))
    with check (not starts_with(step, 'audit_') and step not in ('transform', 'score', 'decide'));

-- Which readers see what: a role (of a person, a team, an agency) and a branch. Whoever has a branch sees that branch and
-- no other, whatever else their roles may see.
create table ops.reader_scope (
    role_name name not null,
    branch_code text,
    unique nulls not distinct (role_name, branch_code)
);
comment on table ops.reader_scope is
    'A row lets members of a role see the rows of a branch, or of every branch where it names none. No row: nothing.';
insert into ops.reader_scope values ('reader', null);

-- The candidate of the run under audit is the validator's own; the next audit makes it again.
do $$
declare
    former record;
begin
    for former in select relname from pg_class where relnamespace = 'audit'::regnamespace and relkind = 'r' loop
        execute format('drop table audit.%I', former.relname);
    end loop;
end
$$;
grant usage, create on schema audit to postloan_validator;
