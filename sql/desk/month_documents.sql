-- The documents of a release, by its close and its manifest, without its exceptions, by account and
-- currency, from the one after after_account_id and after_currency on where these are not null: one
-- row a statement, at most row_count. Each block of a month begins at its place in the index.
select
    versions.issued_close_id as close_id,
    versions.account_id,
    versions.currency,
    versions.statement_version,
    documents.sha256,
    documents.byte_count,
    documents.object_name
from reporting.statement_versions as versions
-- With the limit the planner looks up each document, and joins no table as a whole.
cross join
    lateral (
        select
            made.sha256,
            made.byte_count,
            made.object_name
        from reporting.statement_documents as made
        where
            made.close_id = versions.issued_close_id
            and made.account_id = versions.account_id
            and made.currency = versions.currency
        limit 1 -- noqa: AM09
    ) as documents
where
    versions.close_id = %(close_id)s
    and (
        %(after_account_id)s::reporting.account_key is null
        or (versions.account_id, versions.currency)
        > (%(after_account_id)s::reporting.account_key, %(after_currency)s::text)
    )
    and not exists (
        select 1
        from reporting.manifest_exceptions as exceptions
        where
            exceptions.manifest_id = %(manifest_id)s
            and exceptions.subject = versions.account_id::text
            and exceptions.currency in ('', versions.currency)
    )
order by versions.account_id asc, versions.currency asc
limit %(row_count)s
