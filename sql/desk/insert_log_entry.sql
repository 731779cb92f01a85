-- Writes an entry of the desk's log; a trigger sets its number, time and hashes.
insert into reporting.desk_log (person, act, subject, document_sha256, address)
values (%(person)s, %(act)s, %(subject)s, %(document_sha256)s, %(address)s)
