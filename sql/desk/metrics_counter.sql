-- The counter's last state in the store: one row, none before the first hour.
select publication_id
from reporting.counter_publications
order by publication_id desc
limit 1
