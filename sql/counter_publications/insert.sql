-- Adds a state of the counter. One row: its number, higher than that of every earlier state.
insert into reporting.counter_publications (as_of, counter_document, run_id)
values (%(as_of)s, %(counter_document)s, %(run_id)s)
returning publication_id
