-- What a month's manifest lists: one row a statement, with its document once there is one.
with statements as (
    select
        close_id,
        account_id,
        currency,
        line_count,
        opening_minor,
        closing_minor
    from reporting.statements
    where close_id = %(close_id)s
),

documents as (
    select
        close_id,
        account_id,
        sha256,
        object_name
    from reporting.statement_documents
)

select
    statements.account_id,
    statements.currency,
    statements.line_count,
    statements.opening_minor,
    statements.closing_minor,
    documents.sha256,
    documents.object_name
from statements
left join documents
    on statements.close_id = documents.close_id and statements.account_id = documents.account_id
order by statements.account_id asc
