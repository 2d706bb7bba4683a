-- Personal data: the only place that holds the values, encrypted with a key that is not here.

create table vault.key (
    purpose text not null check (purpose in ('token', 'vault')),
    version integer not null check (version between 1 and 9999),
    fingerprint text not null check (fingerprint ~ '^[0-9a-f]{16}$'),
    is_current boolean not null,
    primary key (purpose, version)
);
comment on table vault.key is
    'The keys with which this warehouse was loaded, by their fingerprints: another key under the same name is refused.';
create unique index key_current on vault.key (purpose) where is_current;

create table vault.personal_value (
    token text primary key check (token ~ '^v[0-9]{1,4}:[0-9a-f]{32}$'),
    kind text not null check (kind in ('name', 'id_number', 'phone', 'address', 'account_number')),
    sealed bytea, -- nonce and AES-256-GCM text, bound to the token; null: erased
    key_version integer not null, -- of the vault key
    is_erased boolean not null,
    check (is_erased = (sealed is null))
);
comment on table vault.personal_value is
    'One row a value. The token stays when the value is erased: what stands elsewhere keeps joining, and hashes stand.';

create table vault.erased_borrower (
    borrower_id text primary key
);
comment on table vault.erased_borrower is 'Borrowers who were forgotten: what is delivered of them is not kept again.';

-- landing never reads a value back
grant select, insert on vault.key to postloan_pipeline;
grant insert, select (token, is_erased), update (sealed, key_version, is_erased) on vault.personal_value to postloan_pipeline;
grant select on vault.erased_borrower to postloan_pipeline;
