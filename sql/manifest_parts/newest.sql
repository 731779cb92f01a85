-- The newest part of a month's manifest that begins at a place: one row, or none.
select
    sha256,
    object_name
from reporting.manifest_parts
where close_id = %(close_id)s and first_entry = %(first_entry)s
order by part_id desc
limit 1
