-- What the reader may see of a platform's database: the contract's views, nothing else.

grant usage on schema reporting_source to closebook_reader;
grant select on all tables in schema reporting_source to closebook_reader;
