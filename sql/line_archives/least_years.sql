-- How many years after a month's end its lines stay in the store at least: one row.
select least_years
from reporting.retention_limit
