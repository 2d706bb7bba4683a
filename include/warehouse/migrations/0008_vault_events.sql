-- What people do with the vault: look at one value, forget one borrower, change the keys. Append-only, no personal data.

create table ops.reveal_event (
    event_number bigint generated always as identity primary key,
    token text not null,
    kind text not null,
    actor text not null check (btrim(actor) <> ''),
    login name not null default session_user,
    reason text not null check (length(btrim(reason)) >= 10),
    happened_at timestamptz not null default clock_timestamp(),
    of_transaction xid8 not null default pg_current_xact_id()
);
comment on table ops.reveal_event is 'Who asked to see which value, and why: one row a look, written before the look.';
create index on ops.reveal_event (login, actor, happened_at);

create table ops.erasure_event (
    event_number bigint generated always as identity primary key,
    borrower_id text not null,
    actor text not null check (btrim(actor) <> ''),
    approver text not null check (btrim(approver) <> ''),
    login name not null default session_user,
    reason text not null check (btrim(reason) <> ''),
    values_erased integer not null,
    values_shared integer not null, -- left, because somebody else has the same
    quarantine_texts_erased integer not null,
    files_removed text[] not null, -- below the landing folder
    happened_at timestamptz not null default clock_timestamp(),
    check (lower(btrim(actor)) <> lower(btrim(approver)))
);
comment on table ops.erasure_event is 'Who was forgotten, on whose word, and what was taken away. The lender''s number and counts, no value.';

create table ops.key_event (
    event_number bigint generated always as identity primary key,
    purpose text not null check (purpose in ('token', 'vault')),
    version integer not null,
    actor text not null check (btrim(actor) <> ''),
    login name not null default session_user,
    values_sealed_again bigint not null,
    happened_at timestamptz not null default clock_timestamp()
);
comment on table ops.key_event is 'When a key became current.';

create function ops.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'ops.% is append-only', tg_table_name using errcode = 'PL003';
end
$$;
create trigger append_only before update or delete or truncate on ops.reveal_event
    for each statement execute function ops.refuse_change();
create trigger append_only before update or delete or truncate on ops.erasure_event
    for each statement execute function ops.refuse_change();
create trigger append_only before update or delete or truncate on ops.key_event
    for each statement execute function ops.refuse_change();

create table vault.reveal_rule (
    is_the_one boolean primary key default true check (is_the_one),
    looks_an_hour integer not null check (looks_an_hour > 0)
);
comment on table vault.reveal_rule is 'How many values one person may look at in an hour.';
insert into vault.reveal_rule (looks_an_hour) values (20);

-- Asking and looking are two transactions: whoever has seen a value cannot take back that they asked.
create function vault.ask_to_reveal(of_token text, by_whom text, why text) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    found_kind text;
    number bigint;
    looks bigint;
begin
    select kind into found_kind from vault.personal_value where token = of_token and not is_erased;
    if found_kind is null then
        raise exception 'the vault holds no value for %', of_token using errcode = 'PL004';
    end if;
    -- one at a time, so that nobody looks past the limit from two windows
    perform pg_advisory_xact_lock(7306005);
    select count(*) into looks from ops.reveal_event
    where login = session_user and happened_at > clock_timestamp() - interval '1 hour';
    if looks >= (select looks_an_hour from vault.reveal_rule) then
        raise exception '% values were looked at within an hour: that is the limit', looks using errcode = 'PL005';
    end if;
    insert into ops.reveal_event (token, kind, actor, reason) values (of_token, found_kind, by_whom, why)
    returning event_number into number;
    return number;
end
$$;

create function vault.reveal(of_event bigint, out token text, out sealed bytea, out key_version integer)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    select kept.token, kept.sealed, kept.key_version into token, sealed, key_version
    from ops.reveal_event as asked
    join vault.personal_value as kept on kept.token = asked.token
    where
        asked.event_number = of_event
        and asked.login = session_user
        and asked.of_transaction <> pg_current_xact_id()
        and asked.happened_at > clock_timestamp() - interval '1 minute'
        and not kept.is_erased;
    if token is null then
        raise exception 'nobody asked for this value in a transaction of its own, a moment ago' using errcode = 'PL004';
    end if;
end
$$;
