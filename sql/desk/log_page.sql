-- Entries of the desk's log, newest first, up to one of them where last_entry_id is not null: at
-- most row_count.
select
    entry_id,
    logged_at,
    person,
    act,
    subject,
    document_sha256,
    address,
    previous_sha256,
    entry_sha256
from reporting.desk_log
where %(last_entry_id)s::bigint is null or entry_id <= %(last_entry_id)s::bigint
order by entry_id desc
limit %(row_count)s
