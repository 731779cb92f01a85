"""The usual names of a platform's tables, columns and values, the most likely one first."""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum


class Kind(StrEnum):
    """What a column of the contract holds. TYPES has the types of PostgreSQL that can hold it."""

    KEY = "key"
    TEXT = "text"
    AMOUNT = "amount"
    INSTANT = "instant"
    DATE = "date"
    RATE = "rate"


_WHOLE = frozenset({"int2", "int4", "int8"})
_TEXTS = frozenset({"text", "varchar", "bpchar", "citext", "name"})
FLOATS = frozenset({"float4", "float8"})
TYPES: Mapping[Kind, frozenset[str]] = {
    Kind.KEY: _WHOLE | _TEXTS | {"uuid", "numeric"},
    Kind.TEXT: _TEXTS,
    Kind.AMOUNT: _WHOLE | FLOATS | {"numeric", "money"},
    Kind.INSTANT: frozenset({"timestamptz", "timestamp", "date"}),
    Kind.DATE: frozenset({"date"}),
    Kind.RATE: FLOATS | {"numeric"},
}

# By view: the names of its table.
TABLES: Mapping[str, Sequence[str]] = {
    "merchants": (
        *("merchants", "sellers", "shops", "vendors", "stores", "organizations", "partners"),
    ),
    "promotions": ("promotions", "coupons", "campaigns", "vouchers", "discounts"),
    "accounts": ("accounts", "wallets", "ledger_accounts", "balances", "customers", "users"),
    "transactions": (
        *("transactions", "payments", "charges", "payment_intents", "orders", "invoices"),
        *("transfers", "purchases", "sales"),
    ),
    "ledger_entries": (
        *("ledger_entries", "entries", "postings", "moves", "movements", "ledger_lines"),
        *("journal_lines", "journal_entries", "account_entries", "wallet_transactions"),
        *("account_transactions", "bookings", "ledger"),
    ),
}
# By view and column of the contract: what it holds, and its names elsewhere.
COLUMNS: Mapping[str, Mapping[str, tuple[Kind, Sequence[str]]]] = {
    "merchants": {
        "merchant_id": (Kind.KEY, ("merchant_id", "id", "uuid", "key", "code")),
        "category": (
            Kind.TEXT,
            ("category", "merchant_category", "mcc", "category_code", "industry", "segment"),
        ),
    },
    "promotions": {
        "promotion_id": (Kind.KEY, ("promotion_id", "id", "uuid", "key", "code")),
        "funding": (Kind.TEXT, ("funding", "funded_by", "funding_source", "paid_by")),
    },
    "accounts": {
        "account_id": (
            Kind.KEY,
            ("account_id", "wallet_id", "id", "uuid", "address", "account", "code", "name"),
        ),
        "account_number": (
            Kind.TEXT,
            (
                *("account_number", "iban", "number", "external_id", "reference", "address"),
                *("code", "slug", "account_code"),
            ),
        ),
        "currency": (Kind.TEXT, ("currency", "currency_code", "asset", "asset_code", "ccy")),
        "opened_at": (
            Kind.INSTANT,
            (
                *("opened_at", "opened_on", "activated_at", "created_at", "inserted_at"),
                *("created", "created_on", "insertion_date", "first_usage"),
            ),
        ),
        "holder_name": (
            Kind.TEXT,
            (
                *("holder_name", "account_holder", "owner_name", "full_name", "legal_name"),
                *("display_name", "company_name", "name", "title"),
            ),
        ),
        "holder_address": (
            Kind.TEXT,
            (
                *("holder_address", "postal_address", "billing_address", "street_address"),
                *("address_line1", "address_line_1", "address1", "address"),
            ),
        ),
        "locale_code": (
            Kind.TEXT,
            ("locale_code", "locale", "document_locale", "language_code", "language", "lang"),
        ),
        "overdraft_limit": (
            Kind.AMOUNT,
            (
                *("overdraft_limit_minor", "overdraft_limit_cents", "overdraft_limit"),
                *("arranged_overdraft_cents", "arranged_overdraft"),
            ),
        ),
    },
    "transactions": {
        "transaction_id": (
            Kind.KEY,
            ("transaction_id", "payment_id", "id", "uuid", "reference", "key"),
        ),
        "user_country": (
            Kind.TEXT,
            (
                *("user_country", "customer_country", "billing_country", "country_code"),
                *("country", "shipping_country"),
            ),
        ),
        "merchant_id": (
            Kind.KEY,
            (
                *("merchant_id", "seller_id", "vendor_id", "shop_id", "store_id"),
                *("organization_id", "partner_id", "payee_id"),
            ),
        ),
        "promotion_id": (
            Kind.KEY,
            ("promotion_id", "coupon_id", "campaign_id", "voucher_id", "discount_id"),
        ),
        "kind": (
            Kind.TEXT,
            ("kind", "transaction_type", "payment_type", "transaction_kind", "type"),
        ),
        "currency": (
            Kind.TEXT,
            ("currency", "currency_code", "amount_currency", "asset", "asset_code", "ccy"),
        ),
        "amount": (
            Kind.AMOUNT,
            (
                *("amount_minor", "amount_cents", "amount_in_cents", "total_amount_cents"),
                *("total_cents", "amount", "total_amount", "gross_amount", "total", "value"),
            ),
        ),
        "fee": (
            Kind.AMOUNT,
            (
                *("fee_minor", "fee_cents", "fee_amount_cents", "fees_amount_cents", "fee"),
                *("fee_amount", "fees", "processing_fee", "application_fee"),
            ),
        ),
        "discount": (
            Kind.AMOUNT,
            (
                *("discount_minor", "discount_cents", "coupons_amount_cents", "discount_amount"),
                *("discount", "discount_total"),
            ),
        ),
        "status": (Kind.TEXT, ("status", "state", "payment_status", "transaction_status")),
        "created_at": (
            Kind.INSTANT,
            ("created_at", "inserted_at", "created", "created_on", "insertion_date", "timestamp"),
        ),
        "settled_at": (
            Kind.INSTANT,
            (
                *("settled_at", "settlement_time", "completed_at", "captured_at", "succeeded_at"),
                *("paid_at", "confirmed_at", "finalized_at", "processed_at", "posted_at"),
            ),
        ),
    },
    "ledger_entries": {
        "entry_id": (Kind.KEY, ("entry_id", "id", "uuid", "seq", "line_id", "key")),
        "account_id": (
            Kind.KEY,
            (
                *("account_id", "wallet_id", "ledger_account_id", "account_address"),
                *("accounts_address", "account", "customer_id", "user_id"),
            ),
        ),
        "transaction_id": (
            Kind.KEY,
            ("transaction_id", "transactions_id", "payment_id", "transfer_id", "journal_id"),
        ),
        "posted_at": (
            Kind.INSTANT,
            (
                *("posted_at", "booked_at", "settled_at", "effective_at", "insertion_date"),
                *("inserted_at", "created_at", "entry_date", "timestamp", "date"),
            ),
        ),
        "amount": (
            Kind.AMOUNT,
            (
                *("amount_minor", "amount_cents", "amount_in_cents", "signed_amount", "amount"),
                *("value", "delta"),
            ),
        ),
        "currency": (Kind.TEXT, ("currency", "currency_code", "asset", "asset_code", "ccy")),
        "kind": (Kind.TEXT, ("kind", "entry_type", "entry_kind", "transaction_type", "type")),
        "description": (
            Kind.TEXT,
            ("description", "memo", "narration", "narrative", "note", "title", "reference"),
        ),
        "counterparty": (
            Kind.TEXT,
            ("counterparty", "counterparty_name", "payee_name", "payer_name", "payee", "payer"),
        ),
        "value_date": (Kind.DATE, ("value_date", "valued_on", "value_day")),
        "original_amount": (
            Kind.AMOUNT,
            (
                *("original_amount_minor", "original_amount_cents", "original_amount"),
                *("foreign_amount", "instructed_amount"),
            ),
        ),
        "original_currency": (
            Kind.TEXT,
            ("original_currency", "foreign_currency", "instructed_currency"),
        ),
        "exchange_rate": (Kind.RATE, ("exchange_rate", "fx_rate", "conversion_rate")),
        "counterparty_account": (
            Kind.TEXT,
            (
                *("counterparty_account", "counterparty_account_number", "counterparty_iban"),
                *("payee_iban", "payer_iban", "payee_account", "payer_account"),
            ),
        ),
        "customer_reference": (
            Kind.TEXT,
            ("customer_reference", "end_to_end_id", "end_to_end_reference", "payment_reference"),
        ),
        "interest_rate": (Kind.RATE, ("interest_rate", "interest_percent")),
    },
}
# A table without these columns is no candidate for the view.
NEEDED: Mapping[str, Sequence[str]] = {
    "merchants": ("merchant_id",),
    "promotions": ("promotion_id",),
    "accounts": ("account_id",),
    "transactions": ("transaction_id", "amount"),
    "ledger_entries": ("account_id", "amount"),
}
# Columns that say to which side an entry belongs, and the words of both sides.
SIDES = ("direction", "side", "debit_credit", "credit_debit", "entry_side", "dc", "type")
CREDIT = ("credit", "cr", "c", "in", "inbound", "deposit")
DEBIT = ("debit", "dr", "d", "out", "outbound", "withdrawal")
IS_CREDIT, IS_DEBIT = ("is_credit", "is_destination"), ("is_debit", "is_source")

SETTLED = (
    *("settled", "succeeded", "success", "successful", "paid", "completed", "complete"),
    *("captured", "finalized", "confirmed", "posted", "done"),
)
FAILED = (
    *("failed", "failure", "canceled", "cancelled", "voided", "void", "declined", "rejected"),
    *("expired", "error", "aborted"),
)
REFUNDS, CHARGEBACKS = ("refund", "reversal"), ("chargeback", "dispute")


def snake_case(name: str) -> str:
    """Return a name in snake case: ``account_id`` for accountId and for Account Id."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")
