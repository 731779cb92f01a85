-- The close becomes its period's current version.
update reporting.closes
set is_current = true
where close_id = %(close_id)s
