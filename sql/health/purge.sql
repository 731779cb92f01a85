-- Take health away that is older than it is kept; returns how many samples that were.
select reporting.purge_health() as purged_count
