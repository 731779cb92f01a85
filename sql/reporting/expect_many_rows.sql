-- Joins by hash and not row by row, until the transaction ends: a close proves rows that it has just
-- written, of which statistics know nothing yet, so PostgreSQL expects one where there are
-- hundreds of thousands.
select set_config('enable_nestloop', 'off', true) as enable_nestloop
