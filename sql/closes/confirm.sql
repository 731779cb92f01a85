-- Records that a close was computed again with the same result.
update reporting.closes
set
    confirmed_at = clock_timestamp(),
    confirmation_count = confirmation_count + 1
where close_id = %(close_id)s
