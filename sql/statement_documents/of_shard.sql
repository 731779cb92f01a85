-- The statements of one shard: one row an account and currency, with its version, the
-- close that issued it, what it supersedes, what that close tells the holders, whether the account
-- has statements in other currencies too, the statement's number, and its document once there is
-- one: the name, and the programs that made it.
with statements as (
    select
        close_id,
        account_id,
        currency,
        account_number,
        holder_name,
        holder_address,
        locale_code,
        opening_minor,
        closing_minor
    from reporting.statements
),

versions as (
    select
        account_id,
        currency,
        statement_version,
        issued_close_id,
        superseded_close_id
    from reporting.statement_versions
    where
        close_id = %(close_id)s
        and account_id between %(first_account_id)s and %(last_account_id)s
        and (
            %(account_ids)s::reporting.account_key[] is null
            or account_id = any(%(account_ids)s::reporting.account_key[])
        )
),

closes as (
    select
        close_id,
        period_start,
        closed_at,
        closed_on,
        holder_reason,
        holder_text
    from reporting.closes
),

documents as (
    select
        close_id,
        account_id,
        currency,
        object_name,
        renderer_version
    from reporting.statement_documents
)

select
    versions.account_id,
    versions.statement_version,
    versions.issued_close_id,
    issued.closed_at as issued_at,
    issued.closed_on as issued_on,
    superseded.closed_at as superseded_at,
    superseded.closed_on as superseded_on,
    statements.currency,
    statements.account_number,
    statements.holder_name,
    statements.holder_address,
    statements.locale_code,
    statements.opening_minor,
    statements.closing_minor,
    documents.object_name,
    numbers.statement_number,
    documents.renderer_version,
    issued.holder_reason,
    issued.holder_text,
    exists(
        select 1
        from reporting.statements as siblings
        where
            siblings.close_id = versions.issued_close_id
            and siblings.account_id = versions.account_id
            and siblings.currency <> versions.currency
    ) as is_one_of_several
from versions
inner join statements
    on
        versions.issued_close_id = statements.close_id
        and versions.account_id = statements.account_id
        and versions.currency = statements.currency
inner join closes as issued on versions.issued_close_id = issued.close_id
left join reporting.statement_numbers as numbers
    on
        versions.account_id = numbers.account_id
        and versions.currency = numbers.currency
        and issued.period_start = numbers.period_start
left join closes as superseded on versions.superseded_close_id = superseded.close_id
left join documents
    on
        versions.issued_close_id = documents.close_id
        and versions.account_id = documents.account_id
        and versions.currency = documents.currency
order by versions.account_id asc, versions.currency asc
