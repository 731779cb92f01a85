-- Deletes health samples that are older than the retention time. One row: how many.
select reporting.purge_health() as purged_count
