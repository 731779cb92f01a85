-- Lets the queries of this transaction read tables as a whole ('on'), or only where no index would
-- do ('off'): one row.
select set_config('enable_seqscan', %(whole_tables)s::text, true) as whole_tables
