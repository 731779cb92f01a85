-- The twins of a version of a statement: one row a media type. Who may see them is the
-- statement's question.
select
    media_type,
    object_name,
    sha256,
    byte_count
from reporting.statement_twins
where close_id = %(close_id)s and account_id = %(account_id)s
order by media_type asc
