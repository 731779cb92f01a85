-- The close was computed again and nothing differed.
update reporting.closes
set
    confirmed_at = clock_timestamp(),
    confirmation_count = confirmation_count + 1
where close_id = %(close_id)s
