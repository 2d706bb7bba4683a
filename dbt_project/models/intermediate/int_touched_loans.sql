-- One row per loan that the run must compute, with every reason why. The base may decide whom to recompute, never what
-- value results: too many loans here cost time, one too few is a wrong list.
{{ config(post_hook="create index on {{ this }} (loan_id)") }}

{% if base_run_id() == "''" %}
-- nothing has been published before: every loan that the run knows
with every_loan as (
    {{ every_loan() }}
)

select
    loan_id,
    '{{ "rebuild" if is_rebuild() else "first_run" }}' as reason_codes,
    false as is_carried
from every_loan

{% else %}
{% set batches = changed_batches() %}
{% set touching = [] %}
{% for table, subject in touching_sources() if table in batches %}{% do touching.append((table, subject)) %}{% endfor %}
with
{% for table, subject in touching %}
-- clause 1: a row is in effect in the run and not in the base, or the other way round (new, corrected, superseded,
-- released from quarantine); rows with the same content cancel out.
-- Rows of other batches come into question when one of these batches supersedes them, or when a history that both have
-- pinned reaches beyond the base's date.
{{ table }}_elsewhere as (
    select
        _batch_id,
        _line_no
    from raw.{{ table }}__superseded
    where _superseded_by_batch_id in {{ batch_list(batches[table].changed) }}
    {% if batches[table].history %}
    union
    select
        _batch_id,
        _line_no
    from raw.{{ table }}
    where
        _batch_id in {{ batch_list(batches[table].history) }}
        and _business_date > {{ base_business_date() }} and _business_date <= {{ business_date() }}
    union
    select
        _batch_id,
        _line_no
    from raw.{{ table }}__superseded
    where
        _superseded_by_batch_id in {{ batch_list(batches[table].history) }}
        and _superseded_date > {{ base_business_date() }} and _superseded_date <= {{ business_date() }}
    {% endif %}
),

{{ table }}_rows as (
    select
        source.{{ subject }},
        source._row_hash,
        source._batch_id,
        source._line_no,
        source._business_date,
        source._known_date
    from raw.{{ table }} as source
    where source._batch_id in {{ batch_list(batches[table].changed) }}
    union all
    select
        source.{{ subject }},
        source._row_hash,
        source._batch_id,
        source._line_no,
        source._business_date,
        source._known_date
    from (select distinct _batch_id, _line_no from {{ table }}_elsewhere) as elsewhere
    join raw.{{ table }} as source
        on elsewhere._batch_id = source._batch_id and elsewhere._line_no = source._line_no
    where elsewhere._batch_id not in {{ batch_list(batches[table].changed) }}
),

{{ table }}_touched as (
    select candidate.{{ subject }}
    from (
        select
            source.{{ subject }},
            source._row_hash,
            ({{ in_effect('source', table) }})::integer as in_run,
            ({{ in_effect_in_base('source', table) }})::integer as in_base
        from {{ table }}_rows as source
    ) as candidate
    group by candidate.{{ subject }}, candidate._row_hash
    having sum(candidate.in_run) <> sum(candidate.in_base)
),
{% endfor %}

-- clause 2: time alone changes the loan, its revisit or its borrower's tier after the base's date, up to this one
due_to_change as (
    {% for announced in ("loan_position", "revisit_plan") %}
    select stored.loan_id
    from ops.run_chain as chain
    join published.{{ announced }} as stored
        on
            stored.business_date = chain.ancestor_business_date
            and stored.run_id = chain.ancestor_run_id
    where
        chain.run_id = {{ base_run_id() }}
        and stored.changes_on <= {{ business_date() }}
        -- a later run of the chain may have computed the loan again
        and not exists (
            select 1
            from ops.run_chain as later
            join published.touched_loan as touched
                on
                    touched.business_date = later.ancestor_business_date
                    and touched.run_id = later.ancestor_run_id
            where
                later.run_id = {{ base_run_id() }}
                and later.depth < chain.depth
                and touched.loan_id = stored.loan_id
        )
    {% if not loop.last %}
    union
    {% endif %}
    {% endfor %}
),

-- clause 3: the loan is on a list of the base, or has an episode that waits to be listed
listed as (
    select
        loan_id,
        'warning_list' as reason_code
    from published.warning_list
    where business_date = {{ base_business_date() }} and run_id = {{ base_run_id() }}
    union all
    select distinct
        loan_id,
        'warning_episode' as reason_code
    from published.warning_episode
    where business_date = {{ base_business_date() }} and run_id = {{ base_run_id() }} and state_code = 'PENDING'
    union all
    select
        loan_id,
        'coverage_gap' as reason_code
    from published.coverage_gap
    where business_date = {{ base_business_date() }} and run_id = {{ base_run_id() }}
),

-- a row about a borrower touches every loan of the borrower, as the base or as the run knows the borrower
borrowers_touched as (
    {% for table, subject in touching if subject == "borrower_id" %}
    select distinct borrower_id, '{{ table }}' as reason_code from {{ table }}_touched
    union all
    {% endfor %}
    select null::text as borrower_id, null as reason_code where false
),

loans_of_borrowers as (
    select distinct source.loan_id, borrowers_touched.reason_code
    from borrowers_touched
    join raw.core_banking__loan_contract as source on source.borrower_id = borrowers_touched.borrower_id
    where
        ({{ in_effect('source', 'core_banking__loan_contract') }})
        or ({{ in_effect_in_base('source', 'core_banking__loan_contract') }})
),

touched_directly as (
    {% for table, subject in touching if subject == "loan_id" %}
    select distinct loan_id, '{{ table }}' as reason_code from {{ table }}_touched
    union all
    {% endfor %}
    select loan_id, reason_code from loans_of_borrowers
    union all
    select loan_id, 'changes_on' as reason_code from due_to_change
    union all
    select loan_id, reason_code from listed
),

-- clause 4: every other loan of a touched loan's borrower, as the base or as the run knows the borrower
borrowers as (
    select source.borrower_id
    from raw.core_banking__loan_contract as source
    where
        source.loan_id in (select touched_directly.loan_id from touched_directly)
        and (
            ({{ in_effect('source', 'core_banking__loan_contract') }})
            or ({{ in_effect_in_base('source', 'core_banking__loan_contract') }})
        )
),

same_borrower as (
    select distinct source.loan_id
    from raw.core_banking__loan_contract as source
    where
        source.borrower_id in (select borrowers.borrower_id from borrowers)
        and (
            ({{ in_effect('source', 'core_banking__loan_contract') }})
            or ({{ in_effect_in_base('source', 'core_banking__loan_contract') }})
        )
),

{% if all_loans() %}
-- a keyframe writes every loan that the run knows
every_loan as (
    {{ every_loan() }}
),
{% endif %}

reasons as (
    select loan_id, reason_code from touched_directly
    union
    select same_borrower.loan_id, 'same_borrower' as reason_code
    from same_borrower
    where same_borrower.loan_id not in (select touched_directly.loan_id from touched_directly)
    {% if all_loans() %}
    union
    select every_loan.loan_id, '{{ "rebuild" if is_rebuild() else "keyframe" }}' as reason_code
    from every_loan
    {% endif %}
)

select
    loan_id,
    string_agg(reason_code, ',' order by reason_code) as reason_codes,
    bool_and(reason_code = 'keyframe') as is_carried
from reasons
group by loan_id
{% endif %}
