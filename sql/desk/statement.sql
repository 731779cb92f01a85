-- One version of a statement by its ids, if the person may see it: one row, or none.
select
    statements.close_id,
    statements.account_id,
    statements.statement_version,
    closes.first_date,
    statements.account_number,
    statements.holder_name,
    statements.currency,
    statements.opening_minor,
    statements.closing_minor,
    statements.line_count,
    statements.sha256,
    statements.byte_count,
    statements.object_name,
    statements.replaced_count,
    statements.released_by,
    statements.released_at,
    statements.statement_state,
    statements.manifest_sha256,
    statements.manifest_object_name
from reporting.issued_statements as statements
inner join reporting.closes on statements.close_id = closes.close_id
where
    statements.close_id = %(close_id)s
    and statements.account_id = %(account_id)s
    and statements.currency = %(currency)s
    -- guard: desk.released-only
    and (%(may_review)s::boolean or statements.statement_state in ('released', 'superseded'))
