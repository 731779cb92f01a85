-- What came to the index blocks of a server since the sample before: one row, null if not known.
select
    index_blocks_hit,
    index_blocks_read
from reporting.health_intervals
where sample_id = %(sample_id)s
