-- What the current closes have left out, and the statements whose document could not be made, by
-- grain and reason: one row each.
with not_made as (
    select distinct on (failures.close_id, failures.account_id)
        closes.grain,
        failures.reason
    from reporting.document_failures as failures
    inner join reporting.statement_versions as versions
        on
            failures.close_id = versions.issued_close_id
            and failures.account_id = versions.account_id
    inner join reporting.closes on versions.close_id = closes.close_id and closes.is_current
    left join reporting.statement_documents as documents
        on
            failures.close_id = documents.close_id
            and failures.account_id = documents.account_id
    where documents.close_id is null
    order by failures.close_id asc, failures.account_id asc, failures.failure_id desc
),

found as (
    select
        closes.grain,
        exceptions.reason
    from reporting.close_exceptions as exceptions
    inner join reporting.closes on exceptions.close_id = closes.close_id
    where closes.is_current

    union all

    select
        grain,
        reason
    from not_made
)

select
    grain,
    reason,
    count(*) as exception_count
from found
group by grain, reason
order by grain, reason
