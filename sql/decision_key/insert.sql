-- Makes a key the key of decisions, in place of the one before.
insert into reporting.decision_key (inner_block, outer_block)
values (%(inner_block)s::bytea, %(outer_block)s::bytea)
on conflict (is_the_only_one) do update
    set
        inner_block = excluded.inner_block,
        outer_block = excluded.outer_block,
        set_at = clock_timestamp()
