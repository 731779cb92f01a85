-- Registers a part of a month's manifest that is in the document store. A part that is registered
-- already is kept.
insert into reporting.manifest_parts (close_id, first_entry, sha256, object_name, run_id)
values (%(close_id)s, %(first_entry)s, %(sha256)s, %(object_name)s, %(run_id)s)
on conflict (close_id, first_entry, sha256) do nothing
