-- Who may do what. Run by the login role that owns the database and may create roles.
-- Roles are group roles without login: a connection logs in once and takes the role of its job.
do $$
declare
    role_name text;
begin
    foreach role_name in array array['postloan_owner', 'postloan_pipeline', 'serving_owner', 'reader'] loop
        if not exists (select from pg_roles where rolname = role_name) then
            begin
                execute format('create role %I nologin', role_name);
            exception when duplicate_object or unique_violation then
                null; -- another database of this server is being migrated at this moment
            end;
        end if;
        if not pg_has_role(current_user, role_name, 'usage') then -- the creator administers a role, and must still join it
            execute format('grant %I to %I', role_name, current_user);
        end if;
    end loop;
end
$$;

-- postloan_owner: schemas and tables; migrations only
create schema if not exists raw authorization postloan_owner;
create schema if not exists quarantine authorization postloan_owner;
create schema if not exists vault authorization postloan_owner;
create schema if not exists ops authorization postloan_owner;
create schema if not exists published authorization postloan_owner;
create schema if not exists candidate authorization postloan_owner;
create schema if not exists serving authorization postloan_owner;
-- postloan_pipeline: what every run rebuilds
create schema if not exists staging authorization postloan_pipeline;
create schema if not exists intermediate authorization postloan_pipeline;
create schema if not exists ref authorization postloan_pipeline;

do $$
begin
    -- nobody uses the public schema; the pipeline needs temporary tables
    execute format('revoke all on database %I from public', current_database());
    execute format('grant connect, temporary on database %I to postloan_pipeline', current_database());
    execute format('grant connect, create on database %I to postloan_owner', current_database());
    execute format('grant connect on database %I to reader', current_database());
end
$$;
revoke all on schema public from public;

set role postloan_owner;
grant usage on schema raw, quarantine, vault, ops, published, candidate, serving to postloan_pipeline;
-- serving_owner owns views and no table; row-level security applies to it
grant usage, create on schema serving, candidate to serving_owner;
grant usage on schema published, ops to serving_owner;
grant usage on schema serving to reader;
reset role;
set role postloan_pipeline;
grant usage on schema ref, staging, intermediate to postloan_owner;
alter default privileges in schema ref grant select on tables to postloan_owner;
reset role;
