-- Says how the sending of claimed events ended.
update reporting.notifications
set outcome = %(outcome)s
where
    channel = %(channel)s
    and event_kind = %(event)s
    and subject = any(%(subjects)s::text[])
    and outcome is null
