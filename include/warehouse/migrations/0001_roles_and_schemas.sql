-- Who there is. Run at every migration by the login that owns the database and may create roles.
-- Roles are group roles without login: a connection logs in once and takes the role of its job. What each of them may
-- do is stated in include/warehouse/role_matrix.yml and granted by include/warehouse/roles.py, after everything else.
do $$
declare
    role_name text;
begin
    foreach role_name in array array[
        'postloan_owner', 'serving_owner', 'postloan_loader', 'postloan_transformer', 'postloan_validator',
        'postloan_scorer', 'postloan_publisher', 'postloan_auditor', 'postloan_privacy', 'reader',
        'postloan_pipeline' -- retired: the one role of all jobs before 0006; older migrations name it, it may do nothing
    ] loop
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
-- postloan_transformer: what every run rebuilds
create schema if not exists staging authorization postloan_transformer;
create schema if not exists intermediate authorization postloan_transformer;
create schema if not exists ref authorization postloan_transformer;

do $$
begin
    execute format('revoke all on database %I from public, postloan_pipeline', current_database());
    execute format('grant connect, create on database %I to postloan_owner', current_database());
    -- a warehouse from before: what the retired role made belongs to those who make it now
    if to_regnamespace('audit') is not null and pg_has_role(current_user, 'postloan_pipeline', 'usage') then
        reassign owned by postloan_pipeline to postloan_transformer;
    end if;
end
$$;
-- nobody uses the public schema
revoke all on schema public from public;

-- functions are for nobody until they are granted
alter default privileges for role postloan_owner revoke execute on functions from public;
alter default privileges for role serving_owner revoke execute on functions from public;

set role postloan_owner;
-- serving_owner owns views and no table; row-level security applies to it
grant usage, create on schema serving, candidate to serving_owner;
grant usage on schema published, ops to serving_owner;
reset role;
set role postloan_transformer;
grant usage on schema ref, staging, intermediate to postloan_owner;
alter default privileges in schema ref grant select on tables to postloan_owner;
reset role;
