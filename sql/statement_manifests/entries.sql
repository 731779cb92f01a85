-- What a month's manifest lists: one row a statement, with its version, the close that issued it,
-- and its document once there is one.
with statements as (
    select
        account_id,
        currency,
        line_count,
        opening_minor,
        closing_minor
    from reporting.statements
    where close_id = %(close_id)s
),

versions as (
    select
        account_id,
        statement_version,
        issued_close_id,
        superseded_close_id
    from reporting.statement_versions
    where close_id = %(close_id)s
),

documents as (
    select
        close_id,
        account_id,
        sha256,
        unsigned_sha256,
        object_name
    from reporting.statement_documents
    where close_id = any(array(select distinct versions.issued_close_id from versions))
)

select
    statements.account_id,
    versions.statement_version,
    versions.issued_close_id,
    versions.superseded_close_id,
    statements.currency,
    statements.line_count,
    statements.opening_minor,
    statements.closing_minor,
    documents.sha256,
    documents.unsigned_sha256,
    documents.object_name
from statements
inner join versions on statements.account_id = versions.account_id
left join documents
    on
        versions.issued_close_id = documents.close_id
        and versions.account_id = documents.account_id
order by statements.account_id asc
