-- Removes the lines that an archive has: one row, how many; 0 if they were removed before.
select reporting.remove_archived_lines(%(archive_id)s) as line_count
