-- The close is no longer its period's current version.
update reporting.closes
set is_current = false
where close_id = %(close_id)s
