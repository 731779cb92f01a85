-- What a month's manifest lists: one row a statement, with its version, the close that issued it,
-- its holder, its document once there is one, and the sha256 and size of each attachment by media
-- type. entry_count of them from the given statement on; null is from the first one on, and all.
with listed as (
    select
        account_id,
        currency,
        line_count,
        opening_minor,
        closing_minor
    from reporting.statements
    where
        close_id = %(close_id)s
        and (
            %(first_account_id)s::reporting.account_key is null
            or (account_id, currency)
            >= (%(first_account_id)s::reporting.account_key, %(first_currency)s::text)
        )
    order by account_id asc, currency asc
    limit %(entry_count)s::bigint
)

select
    listed.account_id,
    versions.statement_version,
    versions.issued_close_id,
    versions.superseded_close_id,
    listed.currency,
    listed.line_count,
    listed.opening_minor,
    listed.closing_minor,
    documents.sha256,
    documents.unsigned_sha256,
    documents.object_name,
    documents.byte_count,
    holders.account_number,
    holders.holder_name,
    coalesce(twins.sha256_by_media_type, '{}'::jsonb) as twins,
    coalesce(twins.bytes_by_media_type, '{}'::jsonb) as twin_bytes
from listed
inner join reporting.statement_versions as versions
    on
        versions.close_id = %(close_id)s
        and listed.account_id = versions.account_id
        and listed.currency = versions.currency
left join reporting.statements as holders
    on
        versions.issued_close_id = holders.close_id
        and versions.account_id = holders.account_id
        and versions.currency = holders.currency
left join reporting.statement_documents as documents
    on
        versions.issued_close_id = documents.close_id
        and versions.account_id = documents.account_id
        and versions.currency = documents.currency
left join lateral (
    select
        jsonb_object_agg(of_statement.media_type, of_statement.sha256) as sha256_by_media_type,
        jsonb_object_agg(of_statement.media_type, of_statement.byte_count) as bytes_by_media_type
    from reporting.statement_twins as of_statement
    where
        of_statement.close_id = versions.issued_close_id
        and of_statement.account_id = versions.account_id
        and of_statement.currency = versions.currency
) as twins on true
order by listed.account_id asc, listed.currency asc
