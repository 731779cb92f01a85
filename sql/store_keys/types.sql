-- The types of the platform's keys in this store: one row. A store from before they were chosen has
-- no such domains, and nulls here.
select
    (
        select format_type(pg_type.typbasetype, null)
        from pg_catalog.pg_type
        where pg_type.oid = to_regtype('reporting.account_key')
    ) as account_type,
    (
        select format_type(pg_type.typbasetype, null)
        from pg_catalog.pg_type
        where pg_type.oid = to_regtype('reporting.entry_key')
    ) as entry_type,
    (
        select format_type(pg_type.typbasetype, null)
        from pg_catalog.pg_type
        where pg_type.oid = to_regtype('reporting.transaction_key')
    ) as transaction_type,
    (
        select format_type(pg_type.typbasetype, null)
        from pg_catalog.pg_type
        where pg_type.oid = to_regtype('reporting.merchant_key')
    ) as merchant_type,
    (
        select format_type(pg_type.typbasetype, null)
        from pg_catalog.pg_type
        where pg_type.oid = to_regtype('reporting.promotion_key')
    ) as promotion_type
