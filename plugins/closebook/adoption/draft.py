"""The draft of the five views, as a text of SQL to be edited, and the settings that it needs.

What is not known is never made up: a draft that is not edited counts nothing where it cannot tell
what settled, and the close refuses what has another type. Each guess is marked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from psycopg import sql

from closebook.adoption.candidates import Candidate, Found, candidate, own_key
from closebook.adoption.platform_catalog import Catalog, Column, Table
from closebook.adoption.vocabulary import (
    CHARGEBACKS,
    CREDIT,
    DEBIT,
    FAILED,
    FLOATS,
    IS_CREDIT,
    IS_DEBIT,
    REFUNDS,
    SETTLED,
    SIDES,
    normal,
)

# In the order of sql/platform/contract.sql.
VIEWS = ("merchants", "promotions", "accounts", "transactions", "ledger_entries")
_KEYS = ("accounts", "entries", "transactions", "merchants", "promotions")
_KEY_TYPES = {"int8": "bigint", "int4": "integer", "uuid": "uuid"}
_NO_MERCHANT = {
    "bigint": "0::bigint",
    "integer": "0::integer",
    "uuid": "'00000000-0000-0000-0000-000000000000'::uuid",
    "text": "''::text",
}
# Names of columns and tables that count minor units say so.
_MINOR_WORDS = ("minor", "cents", "pence")
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
class Selected:
    """A column of a view: its name, the expression, and the remark above it."""

    name: str
    expression: str
    remark: str = ""

    @property
    def lines(self) -> list[str]:
        is_same = self.expression.rpartition(".")[2] == self.name
        is_renamed = not is_same and self.expression.startswith(("base.", "joined_"))
        said = self.remark or ("guess: by its name and type" if is_renamed else "")
        remark = [f"    -- {said}"] if said else []
        return [*remark, f"    {self.expression}" + ("" if is_same else f" as {self.name}")]


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
        if (chosen := candidates[view]) is not None and _is_in_major(chosen)
    ]
    writer = _Writer(candidates, keys, in_major)
    text = "\n".join([_HEADER, *(writer.view(view) for view in VIEWS)])
    settings: dict[str, str] = {}
    other_keys = {name: key_type for name, key_type in keys.items() if key_type != "bigint"}
    if other_keys:
        settings["CLOSEBOOK_KEYS"] = ",".join(f"{n}={t}" for n, t in other_keys.items())
    if in_major:
        settings["CLOSEBOOK_MAJOR_AMOUNTS"] = ",".join(in_major)
    return Draft(text, settings)


def _keys(candidates: Mapping[str, Candidate | None]) -> dict[str, str]:
    """Return the type of each key; text for one that has different types in two views."""
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
            _KEY_TYPES.get(chosen.found[column].column.base_type, "text")
            for view, column in places[name]
            if (chosen := candidates[view]) is not None and column in chosen.found
        }
        types[name] = found.pop() if len(found) == 1 else ("text" if found else "bigint")
    return types


def _is_in_major(chosen: Candidate) -> bool:
    """Whether an amount of a view has decimal places, or its currency says how many it lacks."""
    amounts = [chosen.found[n].column for n in ("amount", "fee", "discount") if n in chosen.found]
    # A numeric that is called cents is not major: the draft leaves it as it is, with a remark.
    with_places = (*FLOATS, "numeric", "money")
    return _asset(chosen) or any(
        each.base_type in with_places and not _is_called_minor(each) for each in amounts
    )


def _is_called_minor(column: Column) -> bool:
    return any(word in normal(column.name).split("_") for word in _MINOR_WORDS)


def _asset(chosen: Candidate) -> bool:
    """Whether currencies are written with their decimal places, such as USD/2."""
    currency = chosen.found.get("currency")
    if currency is None:
        return False
    values = currency.column.values
    return (
        bool(values)
        and all(value.partition("/")[2].isdigit() or value.isalnum() for value in values)
        and any("/" in value for value in values)
    )


@dataclass(frozen=True)
class _Writer:
    candidates: Mapping[str, Candidate | None]
    keys: Mapping[str, str]
    in_major: Sequence[str]

    def view(self, view: str) -> str:
        chosen = self.candidates[view]
        columns = getattr(self, f"_{view}")(chosen)
        remarks = []
        if chosen is None:
            mark = "TODO" if view == "transactions" else "guess:"
            remarks.append(f"{mark} no table has a name and columns for it")
        else:
            remarks.append(f"guess: the table {_comment(chosen.table.sql)}")
            if chosen.others:
                names = ", ".join(_comment(other.sql) for other in chosen.others)
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
                f" on base.{_quoted(chosen.table, column)}"
                f" = joined_{number}.{_quoted(table, referred)}"
            )
        return lines

    def _has_transactions(self) -> bool:
        return self.candidates["transactions"] is not None

    # ---- the views --------------------------------------------------------------------------

    def _merchants(self, chosen: Candidate | None) -> list[Selected]:
        if chosen is None:
            key = _NO_MERCHANT[self.keys["merchants"]]
            return [
                Selected(
                    "merchant_id", key, "guess: there are no merchants, so one stands for all"
                ),
                Selected("category", "'all'::text"),
            ]
        return [
            self._key(chosen, "merchant_id", "merchants"),
            self._text(chosen, "category", "'all'"),
        ]

    def _promotions(self, chosen: Candidate | None) -> list[Selected]:
        if chosen is None:
            return [
                Selected("promotion_id", f"null::{self.keys['promotions']}"),
                Selected("funding", "null::text"),
            ]
        return [
            self._key(chosen, "promotion_id", "promotions"),
            self._text(chosen, "funding", "'platform'"),
        ]

    def _accounts(self, chosen: Candidate | None) -> list[Selected]:
        if chosen is None:
            return [
                Selected("account_id", f"null::{self.keys['accounts']}"),
                *_nothing("account_number", "currency", "opened_at:timestamptz"),
                *_nothing("holder_name", "holder_address", "locale_code"),
            ]
        key = self._key(chosen, "account_id", "accounts")
        return [
            key,
            self._text(chosen, "account_number", f"{_cast(key.expression, 'text')}"),
            self._currency(chosen),
            self._instant(chosen, "opened_at"),
            self._text(chosen, "holder_name", "''"),
            self._text(chosen, "holder_address", "''"),
            self._text(chosen, "locale_code", "'en_US'"),
        ]

    def _transactions(self, chosen: Candidate | None) -> list[Selected]:
        unit = self._unit("transactions")
        if chosen is None:
            return [
                Selected("transaction_id", f"null::{self.keys['transactions']}"),
                *_nothing("user_country"),
                Selected("merchant_id", f"null::{self.keys['merchants']}"),
                Selected("promotion_id", f"null::{self.keys['promotions']}"),
                *_nothing("kind", "currency"),
                *_nothing("amount_minor:bigint", "fee_minor:bigint", "discount_minor:bigint"),
                *_nothing("status", "created_at:timestamptz", "settled_at:timestamptz"),
            ]
        status, settled_at = self._status_and_time(chosen)
        return [
            self._key(chosen, "transaction_id", "transactions"),
            self._text(chosen, "user_country", "null"),
            self._merchant(chosen),
            self._key(chosen, "promotion_id", "promotions", absent="null"),
            self._kind(chosen),
            self._currency(chosen),
            self._amount(chosen, "amount", unit, "zero or more, before the discount"),
            self._part(chosen, "fee", unit),
            self._part(chosen, "discount", unit),
            status,
            self._instant(chosen, "created_at"),
            settled_at,
        ]

    def _ledger_entries(self, chosen: Candidate | None) -> list[Selected]:
        unit = self._unit("ledger_entries")
        if chosen is None:
            return [
                Selected("entry_id", f"null::{self.keys['entries']}"),
                Selected("account_id", f"null::{self.keys['accounts']}"),
                Selected("transaction_id", f"null::{self.keys['transactions']}"),
                *_nothing("posted_at:timestamptz", "amount_minor:bigint", "currency", "kind"),
                *_nothing("description", "counterparty"),
            ]
        return [
            self._key(chosen, "entry_id", "entries"),
            self._key(chosen, "account_id", "accounts"),
            self._key(chosen, "transaction_id", "transactions", absent="null"),
            self._instant(chosen, "posted_at"),
            self._signed(chosen, "amount", unit, "credits positive, debits negative"),
            self._currency(chosen),
            self._text(chosen, "kind", "'entry'"),
            self._text(chosen, "description", "''"),
            self._text(chosen, "counterparty", "null"),
            *self._optional(chosen, unit),
        ]

    # ---- columns ----------------------------------------------------------------------------

    def _unit(self, view: str) -> str:
        return "major" if view in self.in_major else "minor"

    def _key(self, chosen: Candidate, name: str, of_keys: str, absent: str = "") -> Selected:
        key_type = self.keys[of_keys]
        if name not in chosen.found:
            remark = "" if absent else "TODO no column is unique alone: write an expression that is"
            return Selected(name, f"null::{key_type}", remark)
        found = chosen.found[name]
        expression = _place(chosen, found)
        if _KEY_TYPES.get(found.column.base_type, _texts(found.column)) != key_type:
            expression = _cast(expression, key_type)
        is_own = name == own_key(chosen.view)
        remark = "guess: unique, though no index says so" if not found.column.is_key else ""
        return Selected(name, expression, remark if is_own else "")

    def _text(self, chosen: Candidate, name: str, otherwise: str) -> Selected:
        if name not in chosen.found:
            remark = (
                "" if otherwise == "null" else f"guess: no column for it, so {_comment(otherwise)}"
            )
            return Selected(name, _cast(otherwise, "text"), remark)
        found = chosen.found[name]
        expression = _as_text(_place(chosen, found), found.column)
        is_nullable = found.column.is_nullable or found.joined is not None
        if otherwise != "null" and is_nullable:
            expression = f"coalesce({expression}, {otherwise})"
        return Selected(name, expression, _guess(found))

    def _instant(self, chosen: Candidate, name: str) -> Selected:
        if name not in chosen.found:
            return Selected(name, "null::timestamptz", "TODO no column for it was found")
        expression, remark = _instant(chosen, chosen.found[name])
        return Selected(name, expression, remark)

    def _currency(self, chosen: Candidate) -> Selected:
        if "currency" not in chosen.found:
            return Selected("currency", "null::text", "TODO no column for it: 'USD', for instance")
        found = chosen.found["currency"]
        expression = _as_text(_place(chosen, found), found.column)
        if _asset(chosen):
            return Selected(
                "currency",
                f"split_part({expression}, '/', 1)",
                "guess: values such as USD/2, whose number is that of decimal places",
            )
        if found.column.values and any(value != value.upper() for value in found.column.values):
            return Selected("currency", f"upper({expression})", "guess: small letters")
        return Selected("currency", expression, _guess(found))

    def _amount(self, chosen: Candidate, name: str, unit: str, rule: str) -> Selected:
        found = chosen.found[name]
        place, column = _place(chosen, found), found.column
        column_name = f"{name}_{unit}"
        if unit == "major":
            if _asset(chosen):
                currency = chosen.found["currency"]
                asset = _as_text(_place(chosen, currency), currency.column)
                places = f"coalesce(nullif(split_part({asset}, '/', 2), ''), '0')::integer"
                number = place if column.base_type == "numeric" else _cast(place, "numeric")
                return Selected(
                    column_name,
                    f"{number} * 10::numeric ^ (-{places})",
                    f"guess: whole units of the smallest place; {rule}",
                )
            is_numeric = column.base_type == "numeric"
            expression = place if is_numeric else _cast(place, "numeric")
            remark = f"guess: major units; {rule}"
            if column.base_type in FLOATS:
                remark = f"guess: major units; a float holds no exact amount; {rule}"
            elif _is_called_minor(column) or column.base_type.startswith("int"):
                remark = (
                    "TODO its name or type says minor units, beside a column of major ones: write "
                    "it in major units"
                )
            return Selected(column_name, expression, remark)
        if column.base_type in ("numeric", *FLOATS, "money"):
            # A cast would round in silence. Without one the close refuses the column's type.
            remark = (
                "TODO its name says minor units, and its type has decimal places: a cast to bigint "
                "rounds, so select the column that the platform pays by"
            )
            return Selected(column_name, place, remark)
        expression = place if column.base_type == "int8" else _cast(place, "bigint")
        return Selected(column_name, expression, f"guess: minor units, such as cents; {rule}")

    def _part(self, chosen: Candidate, name: str, unit: str) -> Selected:
        zero = "0::numeric" if unit == "major" else "0::bigint"
        if name not in chosen.found:
            return Selected(f"{name}_{unit}", zero)
        selected = self._amount(chosen, name, unit, "0 without one")
        if not chosen.found[name].column.is_nullable or "TODO" in selected.remark:
            return selected
        return replace(selected, expression=f"coalesce({selected.expression}, 0)")

    def _optional(self, chosen: Candidate, unit: str) -> list[Selected]:
        """Return the columns that a view may lack, as far as there are columns for them."""
        columns = []
        if "value_date" in chosen.found:
            place = _place(chosen, chosen.found["value_date"])
            columns.append(Selected("value_date", place, "guess: by its name and type"))
        # A view that has one of the three has them all.
        if {"original_amount", "original_currency", "exchange_rate"} <= chosen.found.keys():
            rate = chosen.found["exchange_rate"]
            columns += [
                self._signed(chosen, "original_amount", unit, "with the sign of the amount"),
                self._text(chosen, "original_currency", "null"),
                Selected(
                    "exchange_rate",
                    f"round({_cast(_place(chosen, rate), 'numeric')}, 6)",
                    "guess: what one unit of the original currency cost in that of the entry",
                ),
            ]
        if "counterparty_account" in chosen.found:
            columns.append(self._text(chosen, "counterparty_account", "null"))
        return columns

    def _signed(self, chosen: Candidate, name: str, unit: str, rule: str) -> Selected:
        amount = self._amount(chosen, name, unit, rule)
        place = amount.expression
        for column in chosen.table.columns:
            called, values = normal(column.name), {value.lower() for value in column.values}
            of_base = f"base.{column.sql}"
            if column.base_type == "bool" and called in (*IS_CREDIT, *IS_DEBIT):
                then, other = (place, f"-({place})")
                if called in IS_DEBIT:
                    then, other = other, then
                expression = _case([(of_base, then)], other)
                return replace(amount, expression=expression)
            is_named = called in SIDES and (called != "type" or values)
            if is_named and values <= {*CREDIT, *DEBIT} and "bool" not in column.base_type:
                text = f"lower({_cast(of_base, 'text')})"
                expression = _case(
                    [
                        (f"{text} in ({_listed(CREDIT)})", place),
                        (f"{text} in ({_listed(DEBIT)})", f"-({place})"),
                    ]
                )
                return replace(amount, expression=expression)
        return amount

    def _merchant(self, chosen: Candidate) -> Selected:
        otherwise = _NO_MERCHANT[self.keys["merchants"]]
        if "merchant_id" not in chosen.found:
            return Selected("merchant_id", otherwise, "guess: there are no merchants")
        selected = self._key(chosen, "merchant_id", "merchants", absent="null")
        if not chosen.found["merchant_id"].column.is_nullable:
            return selected
        return replace(selected, expression=f"coalesce({selected.expression}, {otherwise})")

    def _kind(self, chosen: Candidate) -> Selected:
        if "kind" not in chosen.found:
            return Selected("kind", "'payment'::text", "guess: all are payments")
        place = _place(chosen, chosen.found["kind"])
        text = f"lower({_cast(place, 'text')})"

        def like(words: Sequence[str]) -> str:
            return " or ".join(f"{text} like '%{word}%'" for word in words)

        return Selected(
            "kind",
            _case([(like(REFUNDS), "'refund'"), (like(CHARGEBACKS), "'chargeback'")], "'payment'"),
            f"guess: {_values(chosen.found['kind'].column)}",
        )

    def _status_and_time(self, chosen: Candidate) -> tuple[Selected, Selected]:
        """Return status and settled_at, so that one is set exactly when the other says so."""
        time = chosen.found.get("settled_at")
        instant, remark = _instant(chosen, time) if time is not None else ("null::timestamptz", "")
        if time is None:
            remark = "TODO no settlement time was found: docs/recipes.md#no-settlement-time"
        status = chosen.found.get("status")
        if status is not None:
            text = f"lower({_cast(_place(chosen, status), 'text')})"
            is_settled = f"{text} in ({_listed(SETTLED)})"
            word = Selected(
                "status",
                _case(
                    [(is_settled, "'settled'"), (f"{text} in ({_listed(FAILED)})", "'failed'")],
                    "'pending'",
                ),
                f"guess: {_values(status.column)}",
            )
        elif (number := _number_of_status(chosen.table)) is not None:
            is_settled = f"base.{number.sql} = null"
            word = Selected(
                "status",
                _case([(is_settled, "'settled'")], "'pending'"),
                "TODO the status is a number: write the one that means settled in place of null, "
                "twice",
            )
        elif time is not None:
            is_settled = f"{instant} is not null"
            word = Selected(
                "status",
                _case([(is_settled, "'settled'")], "'pending'"),
                "guess: settled if it has a time",
            )
        else:
            return Selected("status", "'pending'::text", "TODO nothing says what is settled"), (
                Selected("settled_at", instant, remark)
            )
        if time is not None and (status is not None or "null" in is_settled.split()):
            instant = _case([(is_settled, instant)])
        return word, Selected("settled_at", instant, remark)


def _case(branches: Sequence[tuple[str, str]], otherwise: str | None = None) -> str:
    """Return a case expression, one branch a line."""
    lines = [f"when {condition} then {value}" for condition, value in branches]
    lines += [] if otherwise is None else [f"else {otherwise}"]
    return "\n        ".join(["case", *lines]) + "\n    end"


def _nothing(*columns: str) -> list[Selected]:
    named = (column.partition(":") for column in columns)
    return [Selected(name, f"null::{type_name or 'text'}") for name, _, type_name in named]


def _number_of_status(table: Table) -> Column | None:
    return next(
        (
            column
            for column in table.columns
            if normal(column.name) in ("payment_status", "status", "state")
            and column.base_type in ("int2", "int4", "int8")
        ),
        None,
    )


def _place(chosen: Candidate, found: Found) -> str:
    if found.joined is None:
        return f"base.{found.column.sql}"
    number = [*chosen.joins].index(found.joined.table_id) + 1
    return f"joined_{number}.{found.column.sql}"


def _quoted(table: Table, name: str) -> str:
    column = table.column(name)
    return sql.Identifier(name).as_string() if column is None else column.sql


def _cast(expression: str, type_name: str) -> str:
    is_simple = all(character not in expression for character in " (") or (
        expression.startswith("'") and expression.count("'") == 2  # noqa: PLR2004  # one literal
    )
    return f"{expression}::{type_name}" if is_simple else f"({expression})::{type_name}"


def _texts(column: Column) -> str:
    """Return text for what the contract takes as text, and nothing for what needs a cast to it."""
    return "text" if column.base_type in ("text", "varchar") and not column.is_enum else ""


def _as_text(place: str, column: Column) -> str:
    return place if _texts(column) else f"{place}::text"


def _instant(chosen: Candidate, found: Found) -> tuple[str, str]:
    place, base_type = _place(chosen, found), found.column.base_type
    if base_type == "timestamptz":
        return place, _guess(found)
    name = _comment(found.column.name)
    if base_type == "date":
        remark = f"TODO {name} is a date: select the time at which it happened"
        return f"{place}::timestamp at time zone 'UTC'", remark
    return f"{place} at time zone 'UTC'", f"guess: {name} has no zone: is it written in UTC?"


def _guess(found: Found) -> str:
    return "" if found.joined is None else f"guess: from {_comment(found.joined.sql)}"


def _values(column: Column) -> str:
    shown = ", ".join(column.values[:12])
    if not shown:
        return "its values are not known: which are there?"
    return f"{_comment(column.name)} has {_comment(shown)}"


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


def _comment(text: str) -> str:
    """Return a text that cannot end the line of a comment."""
    return " ".join(text.split())
