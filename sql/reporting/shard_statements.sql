-- The statements of one shard: one row an account, with the name of its document once there is
-- one.
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
    where
        close_id = %(close_id)s
        and account_id between %(first_account_id)s and %(last_account_id)s
        and (%(account_ids)s::bigint[] is null or account_id = any(%(account_ids)s::bigint[]))
),

closes as (
    select
        close_id,
        close_version
    from reporting.closes
),

documents as (
    select
        close_id,
        account_id,
        object_name
    from reporting.statement_documents
)

select
    statements.account_id,
    closes.close_version,
    statements.currency,
    statements.account_number,
    statements.holder_name,
    statements.holder_address,
    statements.locale_code,
    statements.opening_minor,
    statements.closing_minor,
    documents.object_name
from statements
inner join closes on statements.close_id = closes.close_id
left join documents
    on statements.close_id = documents.close_id and statements.account_id = documents.account_id
order by statements.account_id asc
