-- The index blocks that a server read since the sample before: one row, null if not known.
select
    index_blocks_hit,
    index_blocks_read
from reporting.health_intervals
where sample_id = %(sample_id)s
