-- The two roles that Closebook has on a platform. Run once for a cluster; the passwords
-- are set apart (\password), never here. docs/operations.md says what each may do and why.

create role closebook_fence login connection limit 2;
grant pg_monitor to closebook_fence;
alter role closebook_fence set default_transaction_read_only = on;
alter role closebook_fence set statement_timeout = '5s';

create role closebook_reader login;
alter role closebook_reader set default_transaction_read_only = on;
-- A day with 200,000 users took 92 ms on two cores and 150 ms on one; an hour is read on one all
-- the same. PostgreSQL's own estimates of what a second core costs are too high for that.
alter role closebook_reader set parallel_setup_cost = 500;
alter role closebook_reader set parallel_tuple_cost = 0.01;
