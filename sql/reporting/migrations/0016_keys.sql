-- Keys of the platform in their own types. A store from before has bigint keys: its domains are made
-- here, and its tables stay as they are. A newer store has had them from its first migration on.
do $$
begin
    if to_regtype('reporting.account_key') is null then
        create domain reporting.account_key as keys.account;
        create domain reporting.entry_key as keys.entry;
        create domain reporting.transaction_key as keys.transaction;
        create domain reporting.merchant_key as keys.merchant;
        create domain reporting.promotion_key as keys.promotion;
    end if;
end;
$$;

-- A key of the platform as exceptions name it: a long one by its start and its hash.
create function reporting.key_label(key text) returns text
language sql immutable parallel safe set search_path = pg_catalog, pg_temp
begin atomic
    select case
        when octet_length(key) > 200
            then
                left(key, 40) || ' (too long, sha256 '
                || left(encode(sha256(convert_to(key, 'UTF8')), 'hex'), 16) || ')'
        else key
    end;
end;

revoke all on function reporting.key_label(text) from public;
grant execute on function reporting.key_label(text) to closebook_store;

-- A new reason why a close leaves something out: a key that the store's indexes have no room for.
alter table reporting.close_exceptions
drop constraint close_exceptions_reason_check,
add constraint close_exceptions_reason_check check (
    reason in (
        'account_incomplete',
        'account_not_listed',
        'account_repeated',
        'amount_inexact',
        'beyond_bigint',
        'currency_differs',
        'entry_repeated',
        'key_unusable',
        'row_impossible',
        'row_incomplete',
        'unknown_currency',
        'unsettled_status'
    )
);
