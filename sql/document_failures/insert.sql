-- Writes that a statement's document could not be made, with the code of the error.
insert into reporting.document_failures (close_id, account_id, reason, run_id)
values (%(close_id)s, %(account_id)s, %(reason)s, %(run_id)s)
