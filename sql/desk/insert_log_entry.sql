-- One entry of the desk's log; its number, time and hashes come from the database.
insert into reporting.desk_log (person, act, subject, document_sha256, address)
values (%(person)s, %(act)s, %(subject)s, %(document_sha256)s, %(address)s)
