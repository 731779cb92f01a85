-- Adds a state of the counter, under the current history of the platform. One row: its number,
-- higher than that of every earlier state.
insert into reporting.counter_publications (as_of, counter_document, run_id, history_id)
values (
    %(as_of)s,
    %(counter_document)s,
    %(run_id)s,
    (
        select max(histories.history_id)
        from reporting.platform_histories as histories
    )
)
returning publication_id
