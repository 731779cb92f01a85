"""The draft of the five views, as a text of SQL to be edited, and the settings that it needs.

The draft invents nothing. Where it cannot tell which rows are settled, it counts none until a
person edits it. A column of a wrong type stays as it is, and the close refuses it. Each guess is
marked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from closebook.adoption.candidates import Candidate, candidate
from closebook.adoption.expressions import (
    Selected,
    cast_to,
    comment_text,
    null_columns,
    quoted_column,
)
from closebook.adoption.platform_catalog import Catalog
from closebook.adoption.view_columns import KEY_TYPES, NO_MERCHANT, ViewColumns, is_in_major

# In the order of sql/platform/contract.sql.
VIEWS = ("merchants", "promotions", "accounts", "transactions", "ledger_entries")
_KEYS = ("accounts", "entries", "transactions", "merchants", "promotions")
_HEADER = """\
-- A draft of the source contract, by `closebook init` from the catalog of the database. Edit it:
-- what is marked by "guess" may be wrong, and what is marked by "TODO" has to be written.
-- docs/contract.md says what each column must mean, docs/recipes.md what to write for platforms of
-- other shapes.
--
-- Run it in one transaction with sql/platform/grants.sql, also after each change:
-- psql "$PLATFORM_URL" -v ON_ERROR_STOP=1 --single-transaction \\
--   --file our_contract.sql --file sql/platform/grants.sql

create schema if not exists reporting_source;
"""


@dataclass(frozen=True)
class Draft:
    """The text of the views, and the settings that they need, by name."""

    text: str
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def settings_lines(self) -> list[str]:
        """The settings, as a shell exports them."""
        return [f"export {name}={value}" for name, value in self.settings.items()]


def draft(catalog: Catalog) -> Draft:
    """Draft the five views over the tables of a catalog."""
    candidates = {view: candidate(view, catalog) for view in VIEWS}
    keys = _keys(candidates)
    in_major = [
        view
        for view in ("ledger_entries", "transactions")
        if (chosen := candidates[view]) is not None and is_in_major(chosen)
    ]
    writer = _Writer(candidates, ViewColumns(keys, in_major))
    text = "\n".join([_HEADER, *(writer.view(view) for view in VIEWS)])
    settings: dict[str, str] = {}
    other_keys = {name: key_type for name, key_type in keys.items() if key_type != "bigint"}
    if other_keys:
        settings["CLOSEBOOK_KEYS"] = ",".join(f"{n}={t}" for n, t in other_keys.items())
    if in_major:
        settings["CLOSEBOOK_MAJOR_AMOUNTS"] = ",".join(in_major)
    return Draft(text, settings)


def _keys(candidates: Mapping[str, Candidate | None]) -> dict[str, str]:
    """Return the type of each key. A key that has different types in two views is text."""
    places = {
        "accounts": [("accounts", "account_id"), ("ledger_entries", "account_id")],
        "entries": [("ledger_entries", "entry_id")],
        "transactions": [("transactions", "transaction_id"), ("ledger_entries", "transaction_id")],
        "merchants": [("merchants", "merchant_id"), ("transactions", "merchant_id")],
        "promotions": [("promotions", "promotion_id"), ("transactions", "promotion_id")],
    }
    types: dict[str, str] = {}
    for name in _KEYS:
        found = {
            KEY_TYPES.get(chosen.found[column].column.base_type, "text")
            for view, column in places[name]
            if (chosen := candidates[view]) is not None and column in chosen.found
        }
        types[name] = found.pop() if len(found) == 1 else ("text" if found else "bigint")
    return types


@dataclass(frozen=True)
class _Writer:
    candidates: Mapping[str, Candidate | None]
    columns: ViewColumns

    def view(self, view: str) -> str:
        chosen = self.candidates[view]
        columns = getattr(self, f"_{view}")(chosen)
        remarks = []
        if chosen is None:
            mark = "TODO" if view == "transactions" else "guess:"
            remarks.append(f"{mark} no table has a name and columns for it")
        else:
            remarks.append(f"guess: the table {comment_text(chosen.table.sql)}")
            if chosen.others:
                names = ", ".join(comment_text(other.sql) for other in chosen.others)
                remarks[0] += f"; it may also be {names}"
        return (
            "\n".join(
                [
                    *(f"-- {remark}" for remark in remarks),
                    f"drop view if exists reporting_source.{view};",
                    f"create view reporting_source.{view} as",
                    "select",
                    ",\n".join("\n".join(each.lines) for each in columns),
                    *self._from(view, chosen),
                ]
            )
            + ";\n"
        )

    def _from(self, view: str, chosen: Candidate | None) -> list[str]:
        if chosen is None:
            is_for_all = view == "merchants" and self._has_transactions()
            return [] if is_for_all else ["where false"]
        lines = [f"from {chosen.table.sql} as base"]
        for number, (table_id, (column, referred)) in enumerate(chosen.joins.items(), 1):
            table = next(
                found.joined
                for found in chosen.found.values()
                if found.joined is not None and found.joined.table_id == table_id
            )
            lines.append(
                f"left join {table.sql} as joined_{number}"
                f" on base.{quoted_column(chosen.table, column)}"
                f" = joined_{number}.{quoted_column(table, referred)}"
            )
        return lines

    def _has_transactions(self) -> bool:
        return self.candidates["transactions"] is not None

    # ---- the views --------------------------------------------------------------------------

    def _merchants(self, chosen: Candidate | None) -> list[Selected]:
        if chosen is None:
            key = NO_MERCHANT[self.columns.keys["merchants"]]
            return [
                Selected(
                    "merchant_id", key, "guess: there are no merchants, so one stands for all"
                ),
                Selected("category", "'all'::text"),
            ]
        return [
            self.columns.key(chosen, "merchant_id", "merchants"),
            self.columns.text(chosen, "category", "'all'"),
        ]

    def _promotions(self, chosen: Candidate | None) -> list[Selected]:
        if chosen is None:
            return [
                Selected("promotion_id", f"null::{self.columns.keys['promotions']}"),
                Selected("funding", "null::text"),
            ]
        return [
            self.columns.key(chosen, "promotion_id", "promotions"),
            self.columns.text(chosen, "funding", "'platform'"),
        ]

    def _accounts(self, chosen: Candidate | None) -> list[Selected]:
        if chosen is None:
            return [
                Selected("account_id", f"null::{self.columns.keys['accounts']}"),
                *null_columns("account_number", "currency", "opened_at:timestamptz"),
                *null_columns("holder_name", "holder_address", "locale_code"),
            ]
        key = self.columns.key(chosen, "account_id", "accounts")
        return [
            key,
            self.columns.text(chosen, "account_number", f"{cast_to(key.expression, 'text')}"),
            self.columns.currency(chosen),
            self.columns.instant(chosen, "opened_at"),
            self.columns.text(chosen, "holder_name", "''"),
            self.columns.text(chosen, "holder_address", "''"),
            self.columns.text(chosen, "locale_code", "'en_US'"),
            # In the unit of the ledger, as docs/contract.md asks.
            *self.columns.limit(chosen, self.columns.unit("ledger_entries")),
        ]

    def _transactions(self, chosen: Candidate | None) -> list[Selected]:
        unit = self.columns.unit("transactions")
        if chosen is None:
            return [
                Selected("transaction_id", f"null::{self.columns.keys['transactions']}"),
                *null_columns("user_country"),
                Selected("merchant_id", f"null::{self.columns.keys['merchants']}"),
                Selected("promotion_id", f"null::{self.columns.keys['promotions']}"),
                *null_columns("kind", "currency"),
                *null_columns("amount_minor:bigint", "fee_minor:bigint", "discount_minor:bigint"),
                *null_columns("status", "created_at:timestamptz", "settled_at:timestamptz"),
            ]
        status, settled_at = self.columns.status_and_time(chosen)
        return [
            self.columns.key(chosen, "transaction_id", "transactions"),
            self.columns.text(chosen, "user_country", "null"),
            self.columns.merchant(chosen),
            self.columns.key(chosen, "promotion_id", "promotions", absent="null"),
            self.columns.kind(chosen),
            self.columns.currency(chosen),
            self.columns.amount(chosen, "amount", unit, "zero or more, before the discount"),
            self.columns.fee_or_discount(chosen, "fee", unit),
            self.columns.fee_or_discount(chosen, "discount", unit),
            status,
            self.columns.instant(chosen, "created_at"),
            settled_at,
        ]

    def _ledger_entries(self, chosen: Candidate | None) -> list[Selected]:
        unit = self.columns.unit("ledger_entries")
        if chosen is None:
            return [
                Selected("entry_id", f"null::{self.columns.keys['entries']}"),
                Selected("account_id", f"null::{self.columns.keys['accounts']}"),
                Selected("transaction_id", f"null::{self.columns.keys['transactions']}"),
                *null_columns("posted_at:timestamptz", "amount_minor:bigint", "currency", "kind"),
                *null_columns("description", "counterparty"),
            ]
        return [
            self.columns.key(chosen, "entry_id", "entries"),
            self.columns.key(chosen, "account_id", "accounts"),
            self.columns.key(chosen, "transaction_id", "transactions", absent="null"),
            self.columns.instant(chosen, "posted_at"),
            self.columns.signed(chosen, "amount", unit, "credits positive, debits negative"),
            self.columns.currency(chosen),
            self.columns.text(chosen, "kind", "'entry'"),
            self.columns.text(chosen, "description", "''"),
            self.columns.text(chosen, "counterparty", "null"),
            *self.columns.optional(chosen, unit),
        ]
