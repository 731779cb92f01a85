-- Joins by going once through each side, and not row by row, until the transaction ends: for a
-- month that was just written, of which statistics know nothing yet, so that PostgreSQL expects one
-- row where there are hundreds of thousands. A join that can be done in no other way has a cost
-- beyond all bounds then, for which it must not be compiled.
select
    set_config('enable_nestloop', 'off', true) as enable_nestloop,
    set_config('jit', 'off', true) as jit
