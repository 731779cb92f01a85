-- The attachments of a version of a statement: one row a media type. Whether the person may see
-- them is checked with the statement, by desk/statement.sql.
select
    media_type,
    object_name,
    sha256,
    byte_count
from reporting.statement_twins
where
    close_id = %(close_id)s
    and account_id = %(account_id)s
    and currency = %(currency)s
order by media_type asc
