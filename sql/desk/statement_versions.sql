-- All versions of an account's statement for the month of a close that the person may see, newest
-- first: when and why each was issued, and what it supersedes.
with months as (
    select
        versions.close_id,
        versions.account_id,
        versions.currency,
        months.period_start
    from reporting.closes as months
    inner join reporting.closes as siblings
        on months.grain = siblings.grain and months.period_start = siblings.period_start
    inner join reporting.statement_versions as versions
        on siblings.close_id = versions.close_id and versions.close_id = versions.issued_close_id
    where
        months.close_id = %(close_id)s
        and versions.account_id = %(account_id)s
        and versions.currency = %(currency)s
)

select
    statements.close_id,
    statements.account_id,
    statements.currency,
    statements.statement_version,
    superseded.statement_version as superseded_version,
    statements.closed_at,
    closes.run_id,
    statements.sha256,
    statements.released_by,
    statements.released_at,
    statements.statement_state,
    case when statements.superseded_close_id is not null then statements.reason end as reason
from months
inner join reporting.issued_statements as statements
    on
        months.close_id = statements.close_id
        and months.account_id = statements.account_id
        and months.currency = statements.currency
inner join reporting.closes on statements.close_id = closes.close_id
left join reporting.statement_versions as superseded
    on
        statements.superseded_close_id = superseded.close_id
        and statements.account_id = superseded.account_id
        and statements.currency = superseded.currency
where %(may_review)s::boolean or statements.statement_state in ('released', 'superseded')
order by statements.statement_version desc
