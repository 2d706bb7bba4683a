-- Whoever works an item sees the borrower's name, number and address, for that item and on that day; nothing else, and
-- not without leaving a row. Which login acts for which officers is said here: a person for themselves, a dialer for many.
create table ops.officer_login (
    login name not null,
    officer_id text not null,
    primary key (login, officer_id)
);

-- Asks for one value of the borrower of an own item that may be contacted at this moment; vault.reveal shows it.
create function vault.ask_for_contact(of_borrower text, of_kind text, by_officer text) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    of_token text;
    work_on date;
    number bigint;
    looks bigint;
begin
    if not exists (
        select 1 from ops.officer_login where login = session_user and officer_id = by_officer
    ) then
        raise exception 'login % does not act for officer %', session_user, by_officer using errcode = 'PL006';
    end if;
    select eligible.work_date into work_on
    from serving.contact_eligible_now as eligible
    where eligible.borrower_id = of_borrower and eligible.officer_id = by_officer and eligible.is_eligible;
    if work_on is null then
        raise exception 'borrower % is no item of officer % that may be contacted now', of_borrower, by_officer
            using errcode = 'PL006';
    end if;
    select case of_kind
        when 'full_name' then person.full_name_token
        when 'mobile_phone' then person.mobile_phone_token
        when 'home_address' then person.home_address_token
    end into of_token
    from raw.customer__borrower as person
    where person.borrower_id = of_borrower
    order by person._business_date desc, person._batch_id desc, person._line_no desc
    limit 1;
    if of_token is null then
        raise exception 'no % of borrower % is known', of_kind, of_borrower using errcode = 'PL004';
    end if;
    -- one at a time, so that nobody looks past the limit from two windows
    perform pg_advisory_xact_lock(7306005);
    select count(*) into looks from ops.reveal_event
    where login = session_user and actor = by_officer and happened_at > clock_timestamp() - interval '1 hour';
    if looks >= (select looks_an_hour from vault.reveal_rule) then
        raise exception '% values were looked at within an hour: that is the limit', looks using errcode = 'PL005';
    end if;
    insert into ops.reveal_event (token, kind, actor, reason)
    select of_token, kept.kind, by_officer, 'work item of ' || work_on || ', borrower ' || of_borrower
    from vault.personal_value as kept where kept.token = of_token and not kept.is_erased
    returning event_number into number;
    if number is null then
        raise exception 'the vault holds no % of borrower % any more', of_kind, of_borrower using errcode = 'PL004';
    end if;
    return number;
end
$$;
