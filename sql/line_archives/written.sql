-- The archive of a close with this content: one row.
select archive_id
from reporting.line_archives
where close_id = %(close_id)s and sha256 = %(sha256)s
