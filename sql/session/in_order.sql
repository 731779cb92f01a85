-- Lets the queries of this transaction read an index in the order that they ask for (off), or find
-- rows first and sort them (on): one row.
select
    set_config('enable_seqscan', %(find_first)s::text, true) as whole_tables,
    set_config('enable_bitmapscan', %(find_first)s::text, true) as bitmaps,
    set_config('enable_sort', %(find_first)s::text, true) as sorts
