-- Makes a close a former version of its period.
update reporting.closes
set is_current = false
where close_id = %(close_id)s
