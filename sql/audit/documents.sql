-- The documents that the register has for a close, with their attachments: one row a file. A PDF
-- has no media type.
select
    account_id,
    currency,
    null::text as media_type,
    sha256,
    object_name
from reporting.statement_documents
where close_id = %(close_id)s

union all

select
    account_id,
    currency,
    media_type,
    sha256,
    object_name
from reporting.statement_twins
where close_id = %(close_id)s
order by account_id asc, currency asc, media_type asc nulls first
