-- What a month's manifest lists: one row a statement, with its version, the close that issued it,
-- its holder, its document once there is one, and the sha256 and size of each attachment by media
-- type.
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
        currency,
        statement_version,
        issued_close_id,
        superseded_close_id
    from reporting.statement_versions
    where close_id = %(close_id)s
),

issued_closes as (
    select array(select distinct versions.issued_close_id from versions) as close_ids
),

holders as (
    select
        close_id,
        account_id,
        currency,
        account_number,
        holder_name
    from reporting.statements
    where close_id = any(array(select unnest(issued_closes.close_ids) from issued_closes))
),

documents as (
    select
        close_id,
        account_id,
        currency,
        sha256,
        unsigned_sha256,
        object_name,
        byte_count
    from reporting.statement_documents
    where close_id = any(array(select unnest(issued_closes.close_ids) from issued_closes))
),

twins as (
    select
        close_id,
        account_id,
        currency,
        jsonb_object_agg(media_type, sha256) as sha256_by_media_type,
        jsonb_object_agg(media_type, byte_count) as bytes_by_media_type
    from reporting.statement_twins
    where close_id = any(array(select unnest(issued_closes.close_ids) from issued_closes))
    group by close_id, account_id, currency
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
    documents.object_name,
    documents.byte_count,
    holders.account_number,
    holders.holder_name,
    coalesce(twins.sha256_by_media_type, '{}'::jsonb) as twins,
    coalesce(twins.bytes_by_media_type, '{}'::jsonb) as twin_bytes
from statements
inner join versions
    on statements.account_id = versions.account_id and statements.currency = versions.currency
left join holders
    on
        versions.issued_close_id = holders.close_id
        and versions.account_id = holders.account_id
        and versions.currency = holders.currency
left join documents
    on
        versions.issued_close_id = documents.close_id
        and versions.account_id = documents.account_id
        and versions.currency = documents.currency
left join twins
    on
        versions.issued_close_id = twins.close_id
        and versions.account_id = twins.account_id
        and versions.currency = twins.currency
order by statements.account_id asc, statements.currency asc
