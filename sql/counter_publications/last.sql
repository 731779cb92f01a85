-- The newest state of the counter, and whether a failover was acknowledged since: one row, or none.
select
    publications.publication_id,
    publications.counter_document,
    exists(
        select 1
        from reporting.platform_histories as histories
        where
            not histories.is_adopted
            and histories.history_id > coalesce(publications.history_id, 0)
    ) as is_before_failover
from reporting.counter_publications as publications
order by publications.publication_id desc
limit 1
