-- One control total of a close, as the source gave it.
insert into reporting.close_totals (close_id, measure, currency, row_count, amount_minor)
values (%(close_id)s, %(measure)s, %(currency)s, %(row_count)s, %(amount_minor)s)
