"""Other tools that compute a day's volume from the same data on the same machine.

A materialized view on the primary, a dbt model on the primary, DuckDB fed by ADBC from a replica.
"""
