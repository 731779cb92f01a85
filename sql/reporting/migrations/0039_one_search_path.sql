-- A month's close takes less time: a function in plpgsql plans its expressions anew whenever the
-- search path differs from its last call. reporting.folded was called with two paths for each
-- statement that is written: that of the session for the number, and that of reporting.name_forms.
alter function reporting.folded(text) set search_path = pg_catalog, pg_temp; -- noqa: PRS
