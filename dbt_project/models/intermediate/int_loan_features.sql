-- One row per touched live loan: its features today, by the SQL that also makes every row that a model learns from.
-- The server takes each of its steps for a single row and would loop over all of them (measured: 252 loans in 28 s).
{{ config(pre_hook="set local enable_nestloop = off", post_hook="analyze {{ this }}") }}

{{ loan_features("(
    select
        position.loan_id,
        " ~ business_date() ~ " as business_date,
        current_setting('postloan.known_date', true)::date as known_date
    from " ~ ref('int_loan_position') ~ " as position
    where position.is_live
) as live_loans") }}
