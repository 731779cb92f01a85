-- What a reviewer should look at in a close of a month: its statements whose document is missing
-- or had characters replaced, the first 100 by account. One row a statement.
select
    versions.account_id,
    versions.currency,
    versions.issued_close_id as close_id,
    documents.replaced_count,
    documents.close_id is null as is_missing
from reporting.statement_versions as versions
left join reporting.statement_documents as documents
    on
        versions.issued_close_id = documents.close_id
        and versions.account_id = documents.account_id
        and versions.currency = documents.currency
where
    versions.close_id = %(close_id)s
    and (documents.close_id is null or documents.replaced_count > 0)
order by is_missing desc, versions.account_id asc, versions.currency asc
limit 100
