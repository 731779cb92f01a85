-- Makes a close the current version of its period.
update reporting.closes
set is_current = true
where close_id = %(close_id)s
