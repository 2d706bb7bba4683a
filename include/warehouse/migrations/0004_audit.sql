-- What the audits of a run found, rule by rule. Counts only: no row value is ever kept here.

create table ops.audit_result (
    run_id text not null references ops.run,
    stage text not null check (stage in ('marts', 'lists')),
    table_name text not null,
    rule_number integer not null, -- its place in the suite
    rule text not null,
    severity text not null check (severity in ('critical', 'warning')),
    outcome text not null check (outcome in ('PASS', 'FAIL', 'ERROR')),
    failing_row_count bigint, -- null: the rule could not be evaluated
    error text,
    text_zh text not null, -- what should hold
    text_en text not null,
    why text not null,
    rows_sql text not null, -- shows the rows that break the rule
    expectation jsonb not null, -- as Great Expectations names it
    details jsonb not null, -- its numbers; Data Docs are made from these two
    primary key (run_id, stage, table_name, rule),
    check ((outcome = 'PASS') = (failing_row_count is not distinct from 0)),
    check ((outcome = 'ERROR') = (failing_row_count is null))
);
comment on table ops.audit_result is
    'One row a rule. A critical FAIL, and every ERROR, stopped the run; a warning was told in the digest.';
create trigger refuse_sealed_insert after insert on ops.audit_result
    referencing new table as changed_rows for each statement execute function ops.refuse_sealed_rows();
create trigger refuse_sealed_delete after delete on ops.audit_result
    referencing old table as changed_rows for each statement execute function ops.refuse_sealed_rows();
grant select, insert, delete on ops.audit_result to postloan_pipeline;

-- The candidate of the run under audit, folded once for all rules. Replaced by the next audit.
create schema audit;
grant usage, create on schema audit to postloan_pipeline;
