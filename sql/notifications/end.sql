-- Sets the outcome of claimed events.
update reporting.notifications
set outcome = %(outcome)s
where
    channel = %(channel)s
    and event_kind = %(event)s
    and subject = any(%(subjects)s::text[])
    and outcome is null
