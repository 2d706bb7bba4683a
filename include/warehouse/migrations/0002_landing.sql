-- What was delivered, what of it was loaded, and what was refused. Insert only: the pipeline never changes a record.

create table ops.load_batch (
    batch_id bigint primary key, -- a hash of the delivered content: the same files give the same number anywhere
    system text not null,
    table_name text not null,
    kind text not null check (kind in ('daily', 'correction', 'history')),
    -- delivered: the rows of files. restored: rows that keep the state of this later full delivery, written when an
    -- earlier one arrives late. carried: rows that the delivery does not hold but leaves in effect (a closing record).
    part text not null default 'delivered' check (part in ('delivered', 'restored', 'carried')),
    version_rank integer not null, -- order among batches of one business date and known date
    business_date date not null, -- of a history: its last date
    known_date date not null,
    from_date date, -- of a history: its first date
    replaces text not null check (replaces in ('delivery', 'keys')),
    caused_by_batch_id bigint references ops.load_batch, -- of a further batch: the delivery that made it necessary
    content_hash text not null check (content_hash ~ '^[0-9a-f]{64}$'),
    rows_in bigint not null,
    rows_loaded bigint not null,
    rows_unchanged bigint not null,
    rows_quarantined bigint not null,
    rows_duplicate bigint not null,
    control_total_in numeric(38, 2) not null,
    control_total_loaded numeric(38, 2) not null,
    control_total_unchanged numeric(38, 2) not null,
    control_total_quarantined numeric(38, 2) not null,
    control_total_duplicate numeric(38, 2) not null,
    warnings jsonb not null default '[]', -- added columns, added tables: loaded without them
    check (rows_in = rows_loaded + rows_unchanged + rows_quarantined + rows_duplicate),
    check (
        control_total_in
        = control_total_loaded + control_total_unchanged + control_total_quarantined + control_total_duplicate
    ),
    check (known_date >= business_date),
    check ((kind = 'history') = (from_date is not null)),
    check ((part = 'delivered') = (caused_by_batch_id is null))
);
comment on table ops.load_batch is
    'One row for one table of one delivery, in the transaction of its rows: every delivered row and cent is accounted for.';
-- other content for a date and known date that were delivered already is refused
create unique index load_batch_delivery on ops.load_batch (system, table_name, kind, business_date, known_date)
    where part = 'delivered';
create index load_batch_date on ops.load_batch (system, business_date);

create table ops.load_file (
    batch_id bigint not null references ops.load_batch,
    file_name text not null,
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    bytes bigint not null,
    encoding text not null,
    rows_in bigint not null,
    control_total numeric(38, 2) not null,
    first_line_no bigint not null, -- the _line_no of the file's first row
    primary key (batch_id, file_name)
);
comment on table ops.load_file is 'The files of a batch. _line_no counts the rows of all files in name order.';

create table ops.load_attempt (
    attempt_number bigint generated always as identity primary key,
    system text not null,
    business_date date not null,
    started_at timestamptz not null default clock_timestamp(),
    outcome text not null,
    detail text
);
comment on table ops.load_attempt is 'When landing was tried and what came of it. Not part of any output.';

create table quarantine.rows (
    batch_id bigint not null references ops.load_batch,
    line_no bigint not null,
    file_name text not null,
    file_line_no bigint not null, -- the line of the file on which the row starts; of a Parquet file its row
    system text not null,
    table_name text not null,
    reason_code text not null,
    reason_text text not null,
    column_name text,
    subject_id text, -- the loan, the borrower, or what else the table's rows are about
    unit_text text, -- the key, or the unit that stands and falls together; its parts joined by U+001F
    masked_text text not null,
    primary key (batch_id, line_no)
);
comment on table quarantine.rows is 'Rows that were refused: why, and where they stand. The text itself is in vault.quarantine_text.';
create index on quarantine.rows (subject_id);

create table vault.quarantine_text (
    batch_id bigint not null,
    line_no bigint not null,
    raw_text text not null,
    primary key (batch_id, line_no),
    foreign key (batch_id, line_no) references quarantine.rows
);
comment on table vault.quarantine_text is 'The refused rows as they were delivered, personal data included.';

grant select, insert on ops.load_batch, ops.load_file, ops.load_attempt to postloan_pipeline;
grant select, insert on quarantine.rows, vault.quarantine_text to postloan_pipeline;
