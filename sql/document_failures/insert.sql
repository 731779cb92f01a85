-- Writes that a statement's document could not be made, with the code of the error.
insert into reporting.document_failures (close_id, account_id, currency, reason, run_id)
values (%(close_id)s, %(account_id)s, %(currency)s, %(reason)s, %(run_id)s)
