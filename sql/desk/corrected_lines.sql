-- The lines in which the named statements of a close of a month differ from the release that it
-- follows: one row an entry, old beside new, the first `most` of each statement, with how many of
-- its lines were added, are gone and have changed in all.
select
    account_id,
    currency,
    entry_id,
    line_change,
    old_posted_at,
    new_posted_at,
    old_kind,
    new_kind,
    old_transaction_id,
    new_transaction_id,
    old_description,
    new_description,
    old_counterparty,
    new_counterparty,
    old_details,
    new_details,
    old_amount_minor,
    new_amount_minor,
    added_count,
    gone_count,
    changed_count
from
    reporting.corrected_lines(
        %(close_id)s::bigint,
        %(account_ids)s::reporting.account_key[],
        %(currencies)s::text[],
        %(most)s::integer
    )
