-- One version of a statement by its ids, if the person may see it: one row, or none.
select
    close_id,
    account_id,
    statement_version,
    period_start,
    period_end,
    time_zone,
    account_number,
    holder_name,
    currency,
    opening_minor,
    closing_minor,
    line_count,
    sha256,
    byte_count,
    object_name,
    replaced_count,
    released_by,
    released_at,
    statement_state,
    manifest_sha256,
    manifest_object_name
from reporting.issued_statements
where
    close_id = %(close_id)s
    and account_id = %(account_id)s
    -- guard: desk.released-only
    and (%(may_review)s::boolean or statement_state in ('released', 'superseded'))
