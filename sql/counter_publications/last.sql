-- The newest state of the counter: one row, or none.
select
    publication_id,
    counter_document
from reporting.counter_publications
order by publication_id desc
limit 1
