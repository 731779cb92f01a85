-- The end of the desk's log: the number of its entries and the hash of the last one. One row; for
-- an empty log 0 and the hash that the first entry takes as the one before it.
select
    coalesce(max(entry_id), 0)::bigint as entry_count,
    coalesce((array_agg(entry_sha256 order by entry_id desc))[1], repeat('0', 64)) as sha256
from (
    select
        entry_id,
        entry_sha256
    from reporting.desk_log
    order by entry_id desc
    limit 1
) as last_entries
