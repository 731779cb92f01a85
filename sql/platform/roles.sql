-- The two roles that Closebook has on a platform. Run once for a cluster; the passwords
-- are set apart (\password), never here. docs/operations.md says what each may do and why.

create role closebook_fence login connection limit 2;
grant pg_monitor to closebook_fence;
alter role closebook_fence set default_transaction_read_only = on;
alter role closebook_fence set statement_timeout = '5s';

create role closebook_reader login;
alter role closebook_reader set default_transaction_read_only = on;
