-- The life of a refused row: corrected by one person, released by another, or discarded. Nothing is ever overwritten.

-- released: rows that a person corrected, loaded as an ordinary batch. caused_by_batch_id names the delivery that held them.
alter table ops.load_batch drop constraint load_batch_part_check;
alter table ops.load_batch add constraint load_batch_part_check
    check (part in ('delivered', 'restored', 'carried', 'released'));

alter table vault.quarantine_text add column cells jsonb;
comment on column vault.quarantine_text.cells is
    'The row as the contract''s columns, as far as it could be told apart: what a correction starts from.';

create table quarantine.event (
    event_number bigint generated always as identity primary key,
    batch_id bigint not null,
    line_no bigint not null,
    action text not null check (action in ('FIX', 'RELEASE', 'DISCARD')),
    actor text not null check (btrim(actor) <> ''),
    reason text not null check (btrim(reason) <> ''),
    column_names text, -- of a FIX: which columns it corrects; their values are in vault.quarantine_fix
    known_date date, -- of a RELEASE or DISCARD: the first business date that takes account of it
    released_batch_id bigint references ops.load_batch,
    released_line_no bigint,
    happened_at timestamptz not null default clock_timestamp(),
    foreign key (batch_id, line_no) references quarantine.rows,
    check ((action = 'FIX') = (column_names is not null)),
    check ((action = 'FIX') = (known_date is null)),
    check ((action = 'RELEASE') = (released_batch_id is not null)),
    check ((action = 'RELEASE') = (released_line_no is not null))
);
comment on table quarantine.event is 'Who did what to a refused row, when and why. Insert only.';
create index on quarantine.event (batch_id, line_no);
create index on quarantine.event (released_batch_id);
-- the end of a row's time in quarantine: it is released or discarded once
create unique index event_end on quarantine.event (batch_id, line_no) where action <> 'FIX';

create table vault.quarantine_fix (
    event_number bigint primary key references quarantine.event,
    batch_id bigint not null,
    line_no bigint not null,
    cells jsonb not null, -- corrected columns only; null: not stated
    -- whoever is erased from the vault is erased from corrections too
    foreign key (batch_id, line_no) references vault.quarantine_text on delete cascade
);
create index on vault.quarantine_fix (batch_id, line_no);

create table quarantine.reveal (
    reveal_number bigint generated always as identity primary key,
    batch_id bigint not null,
    line_no bigint not null,
    actor text not null check (btrim(actor) <> ''),
    reason text not null check (btrim(reason) <> ''),
    happened_at timestamptz not null default clock_timestamp(),
    foreign key (batch_id, line_no) references quarantine.rows
);
comment on table quarantine.reveal is 'Who looked at the text of a refused row, and why. Insert only.';

create function quarantine.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'quarantine.% is append-only', tg_table_name using errcode = 'PL003';
end
$$;
create trigger append_only before update or delete on quarantine.event
    for each statement execute function quarantine.refuse_change();
create trigger append_only before update or delete on quarantine.reveal
    for each statement execute function quarantine.refuse_change();

create view quarantine.row_state as
select
    refused.*,
    batch.kind,
    batch.business_date,
    batch.known_date as delivered_known_date,
    case
        when ended.action = 'RELEASE' then 'RELEASED'
        when ended.action = 'DISCARD' then 'DISCARDED'
        when exists (
            select from quarantine.event as fix
            where fix.batch_id = refused.batch_id and fix.line_no = refused.line_no and fix.action = 'FIX'
        ) then 'FIXED'
        else 'OPEN'
    end as state,
    ended.known_date as ended_known_date,
    ended.released_batch_id,
    ended.released_line_no
from quarantine.rows as refused
join ops.load_batch as batch on batch.batch_id = refused.batch_id
left join quarantine.event as ended
    on ended.batch_id = refused.batch_id and ended.line_no = refused.line_no and ended.action <> 'FIX';
comment on view quarantine.row_state is 'Every refused row and where it stands: OPEN, FIXED, RELEASED, DISCARDED.';

-- rows in = loaded + unchanged + duplicates + released + discarded + still in quarantine, for every delivered table
create view ops.delivery_account as
select
    batch.batch_id,
    batch.system,
    batch.table_name,
    batch.business_date,
    batch.rows_in,
    batch.rows_loaded,
    batch.rows_unchanged,
    batch.rows_duplicate,
    count(refused.state) filter (where refused.state = 'RELEASED') as rows_released,
    count(refused.state) filter (where refused.state = 'DISCARDED') as rows_discarded,
    count(refused.state) filter (where refused.state in ('OPEN', 'FIXED')) as rows_in_quarantine
from ops.load_batch as batch
left join quarantine.row_state as refused on refused.batch_id = batch.batch_id
where batch.part = 'delivered'
group by batch.batch_id;
comment on view ops.delivery_account is
    'Where every delivered row is now. A released row is counted once: as released here, as loaded in its own batch.';

grant select, insert on quarantine.event, quarantine.reveal, vault.quarantine_fix to postloan_pipeline;
grant select on quarantine.row_state, ops.delivery_account to postloan_pipeline;

-- For compliance: pulls and tradelines that there was no lawful ground for. No personal data: ids of the lender's own.
grant usage on schema quarantine to serving_owner;
grant select on quarantine.row_state to serving_owner;
set local role serving_owner;
create view serving.unlawful_inquiry with (security_barrier) as
select
    table_name,
    business_date,
    batch_id,
    line_no,
    split_part(unit_text, e'\x1f', 1) as pull_id,
    subject_id as borrower_id,
    column_name,
    reason_text,
    state,
    ended_known_date
from quarantine.row_state
where reason_code = 'unlawful_inquiry';
comment on view serving.unlawful_inquiry is 'Bureau pulls without a lawful ground, kept out of every table. For compliance.';
grant select on serving.unlawful_inquiry to reader, postloan_pipeline;
set local role postloan_owner;
