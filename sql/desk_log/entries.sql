-- The desk's whole log in the order of its chain: one row an entry.
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
order by entry_id asc
