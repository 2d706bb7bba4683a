-- Whoever takes a run up again ends what its former attempt left in the server. Only the login whose session it is may do
-- so, not the role that it has taken: the function is the login's.
set local role none;
create function ops.end_backends(of_application text) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if of_application !~ '^postloan:[0-9a-f]{16}:[0-9]+$' then
        raise exception '% is no attempt of a run', of_application using errcode = '42501';
    end if;
    return (
        select count(*) filter (where pg_terminate_backend(pid, 5000))
        from pg_stat_activity
        where application_name = of_application and pid <> pg_backend_pid()
    );
end
$$;
set local role postloan_owner;
