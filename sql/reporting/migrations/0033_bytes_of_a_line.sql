-- A line takes less of the store. A key with a line's number had an entry for each line. An index
-- of statements has one for all lines of a statement. Numbers without a gap are a check of each
-- close, and of the audit: statement_lines/check_running_balances_follow.sql. That an entry is in a
-- month once stays a constraint, now as the key.
alter table reporting.statement_line_details
drop constraint statement_line_details_close_id_account_id_currency_line_n_fkey,
add foreign key (close_id, account_id, currency)
references reporting.statements (close_id, account_id, currency);

alter table reporting.statement_lines
drop constraint statement_lines_pkey,
drop constraint statement_lines_close_id_entry_id_key,
add primary key (close_id, entry_id);

create index statement_lines_statement
on reporting.statement_lines (close_id, account_id, currency);
