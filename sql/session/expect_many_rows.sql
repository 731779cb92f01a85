-- Disables nested loops and JIT until the transaction ends. A month that was just written has no
-- statistics: PostgreSQL expects one row where there are hundreds of thousands, and would join row
-- by row. A join for which no other way exists then has a huge cost, which would start JIT.
select
    set_config('enable_nestloop', 'off', true) as enable_nestloop,
    set_config('jit', 'off', true) as jit
