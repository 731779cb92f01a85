"""The columns of a drafted view: each by the contract's name, with its expression and remark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from closebook.adoption.candidates import Candidate, own_key
from closebook.adoption.expressions import (
    Selected,
    as_text,
    case_of,
    cast_to,
    column_reference,
    comment_text,
    instant_of,
    join_remark,
    numeric_status,
    sql_list,
    text_type,
    values_remark,
)
from closebook.adoption.platform_catalog import Column
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
    snake_case,
)

KEY_TYPES = {"int8": "bigint", "int4": "integer", "uuid": "uuid"}
NO_MERCHANT = {
    "bigint": "0::bigint",
    "integer": "0::integer",
    "uuid": "'00000000-0000-0000-0000-000000000000'::uuid",
    "text": "''::text",
}
# Names of columns and tables that count minor units say so.
_MINOR_WORDS = ("minor", "cents", "pence")


@dataclass(frozen=True)
class ViewColumns:
    """Makes the columns of drafted views.

    ``keys`` has the type of each key. ``in_major`` are the views with amounts in major units.
    """

    keys: Mapping[str, str]
    in_major: Sequence[str]

    def unit(self, view: str) -> str:
        """Return the unit of a view's amounts, major or minor, which ends their names."""
        return "major" if view in self.in_major else "minor"

    def key(self, chosen: Candidate, name: str, of_keys: str, absent: str = "") -> Selected:
        """Return a key with the type of the keys ``of_keys``; null if there is no column for it."""
        key_type = self.keys[of_keys]
        if name not in chosen.found:
            remark = "" if absent else "TODO no column is unique alone: write an expression that is"
            return Selected(name, f"null::{key_type}", remark)
        found = chosen.found[name]
        expression = column_reference(chosen, found)
        if KEY_TYPES.get(found.column.base_type, text_type(found.column)) != key_type:
            expression = cast_to(expression, key_type)
        is_own = name == own_key(chosen.view)
        remark = "guess: unique, though no index says so" if not found.column.is_key else ""
        return Selected(name, expression, remark if is_own else "")

    def text(self, chosen: Candidate, name: str, otherwise: str) -> Selected:
        """Return a text; ``otherwise`` is the expression for a missing column and for null."""
        if name not in chosen.found:
            remark = (
                ""
                if otherwise == "null"
                else f"guess: no column for it, so {comment_text(otherwise)}"
            )
            return Selected(name, cast_to(otherwise, "text"), remark)
        found = chosen.found[name]
        expression = as_text(column_reference(chosen, found), found.column)
        is_nullable = found.column.is_nullable or found.joined is not None
        if otherwise != "null" and is_nullable:
            expression = f"coalesce({expression}, {otherwise})"
        return Selected(name, expression, join_remark(found))

    def instant(self, chosen: Candidate, name: str) -> Selected:
        """Return an instant; null if there is no column for it."""
        if name not in chosen.found:
            return Selected(name, "null::timestamptz", "TODO no column for it was found")
        expression, remark = instant_of(chosen, chosen.found[name])
        return Selected(name, expression, remark)

    def currency(self, chosen: Candidate) -> Selected:
        """Return the currency, without the decimal places that some platforms add, as in USD/2."""
        if "currency" not in chosen.found:
            return Selected("currency", "null::text", "TODO no column for it: 'USD', for instance")
        found = chosen.found["currency"]
        expression = as_text(column_reference(chosen, found), found.column)
        if has_currency_places(chosen):
            return Selected(
                "currency",
                f"split_part({expression}, '/', 1)",
                "guess: values such as USD/2, whose number is that of decimal places",
            )
        if found.column.values and any(value != value.upper() for value in found.column.values):
            return Selected("currency", f"upper({expression})", "guess: small letters")
        return Selected("currency", expression, join_remark(found))

    def amount(self, chosen: Candidate, name: str, unit: str, rule: str) -> Selected:
        """Return an amount in a unit. Its remark says what it must be (``rule``)."""
        found = chosen.found[name]
        place, column = column_reference(chosen, found), found.column
        column_name = f"{name}_{unit}"
        if unit == "major":
            if has_currency_places(chosen):
                currency = chosen.found["currency"]
                asset = as_text(column_reference(chosen, currency), currency.column)
                places = f"coalesce(nullif(split_part({asset}, '/', 2), ''), '0')::integer"
                number = place if column.base_type == "numeric" else cast_to(place, "numeric")
                return Selected(
                    column_name,
                    f"{number} * 10::numeric ^ (-{places})",
                    f"guess: whole units of the smallest place; {rule}",
                )
            is_numeric = column.base_type == "numeric"
            expression = place if is_numeric else cast_to(place, "numeric")
            remark = f"guess: major units; {rule}"
            if column.base_type in FLOATS:
                remark = f"guess: major units; a float holds no exact amount; {rule}"
            elif is_called_minor(column) or column.base_type.startswith("int"):
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
        expression = place if column.base_type == "int8" else cast_to(place, "bigint")
        return Selected(column_name, expression, f"guess: minor units, such as cents; {rule}")

    def fee_or_discount(self, chosen: Candidate, name: str, unit: str) -> Selected:
        """Return the fee or the discount of a transaction, which is zero if there is none."""
        zero = "0::numeric" if unit == "major" else "0::bigint"
        if name not in chosen.found:
            return Selected(f"{name}_{unit}", zero)
        selected = self.amount(chosen, name, unit, "0 without one")
        if not chosen.found[name].column.is_nullable or "TODO" in selected.remark:
            return selected
        return replace(selected, expression=f"coalesce({selected.expression}, 0)")

    def optional(self, chosen: Candidate, unit: str) -> list[Selected]:
        """Return those optional columns of the contract for which the platform has a column."""
        columns = []
        if "value_date" in chosen.found:
            place = column_reference(chosen, chosen.found["value_date"])
            columns.append(Selected("value_date", place, "guess: by its name and type"))
        # A view that has one of the three has them all.
        if {"original_amount", "original_currency", "exchange_rate"} <= chosen.found.keys():
            rate = chosen.found["exchange_rate"]
            columns += [
                self.signed(chosen, "original_amount", unit, "with the sign of the amount"),
                self.text(chosen, "original_currency", "null"),
                Selected(
                    "exchange_rate",
                    f"round({cast_to(column_reference(chosen, rate), 'numeric')}, 6)",
                    "guess: what one unit of the original currency cost in that of the entry",
                ),
            ]
        if "counterparty_account" in chosen.found:
            columns.append(self.text(chosen, "counterparty_account", "null"))
        if "customer_reference" in chosen.found:
            columns.append(self.text(chosen, "customer_reference", "null"))
        if "interest_rate" in chosen.found:
            percent = column_reference(chosen, chosen.found["interest_rate"])
            columns.append(
                Selected(
                    "interest_rate",
                    f"round({cast_to(percent, 'numeric')}, 6)",
                    "guess: the rate in percent of a year (1.25), and not as a fraction (0.0125)",
                )
            )
        return columns

    def limit(self, chosen: Candidate, unit: str) -> list[Selected]:
        """Return the overdraft limit of an account, if the platform has a column for it."""
        if "overdraft_limit" not in chosen.found:
            return []
        return [self.amount(chosen, "overdraft_limit", unit, "zero or more")]

    def signed(self, chosen: Candidate, name: str, unit: str, rule: str) -> Selected:
        """Return an amount, negative where another column says that it is a debit."""
        amount = self.amount(chosen, name, unit, rule)
        place = amount.expression
        for column in chosen.table.columns:
            called, values = snake_case(column.name), {value.lower() for value in column.values}
            of_base = f"base.{column.sql}"
            if column.base_type == "bool" and called in (*IS_CREDIT, *IS_DEBIT):
                then, other = (place, f"-({place})")
                if called in IS_DEBIT:
                    then, other = other, then
                expression = case_of([(of_base, then)], other)
                return replace(amount, expression=expression)
            is_named = called in SIDES and (called != "type" or values)
            if is_named and values <= {*CREDIT, *DEBIT} and "bool" not in column.base_type:
                text = f"lower({cast_to(of_base, 'text')})"
                expression = case_of(
                    [
                        (f"{text} in ({sql_list(CREDIT)})", place),
                        (f"{text} in ({sql_list(DEBIT)})", f"-({place})"),
                    ]
                )
                return replace(amount, expression=expression)
        return amount

    def merchant(self, chosen: Candidate) -> Selected:
        """Return the merchant's key; for a transaction without merchant, the key NO_MERCHANT."""
        otherwise = NO_MERCHANT[self.keys["merchants"]]
        if "merchant_id" not in chosen.found:
            return Selected("merchant_id", otherwise, "guess: there are no merchants")
        selected = self.key(chosen, "merchant_id", "merchants", absent="null")
        if not chosen.found["merchant_id"].column.is_nullable:
            return selected
        return replace(selected, expression=f"coalesce({selected.expression}, {otherwise})")

    def kind(self, chosen: Candidate) -> Selected:
        """Return the kind of a transaction, from the words of its column."""
        if "kind" not in chosen.found:
            return Selected("kind", "'payment'::text", "guess: all are payments")
        place = column_reference(chosen, chosen.found["kind"])
        text = f"lower({cast_to(place, 'text')})"

        def like(words: Sequence[str]) -> str:
            return " or ".join(f"{text} like '%{word}%'" for word in words)

        return Selected(
            "kind",
            case_of(
                [(like(REFUNDS), "'refund'"), (like(CHARGEBACKS), "'chargeback'")], "'payment'"
            ),
            f"guess: {values_remark(chosen.found['kind'].column)}",
        )

    def status_and_time(self, chosen: Candidate) -> tuple[Selected, Selected]:
        """Return status and settled_at. A row has a time of settlement exactly if it is settled."""
        time = chosen.found.get("settled_at")
        instant, remark = (
            instant_of(chosen, time) if time is not None else ("null::timestamptz", "")
        )
        if time is None:
            remark = "TODO no settlement time was found: docs/recipes.md#no-settlement-time"
        status = chosen.found.get("status")
        if status is not None:
            text = f"lower({cast_to(column_reference(chosen, status), 'text')})"
            is_settled = f"{text} in ({sql_list(SETTLED)})"
            word = Selected(
                "status",
                case_of(
                    [(is_settled, "'settled'"), (f"{text} in ({sql_list(FAILED)})", "'failed'")],
                    "'pending'",
                ),
                f"guess: {values_remark(status.column)}",
            )
        elif (number := numeric_status(chosen.table)) is not None:
            is_settled = f"base.{number.sql} = null"
            word = Selected(
                "status",
                case_of([(is_settled, "'settled'")], "'pending'"),
                "TODO the status is a number: write the one that means settled in place of null, "
                "twice",
            )
        elif time is not None:
            is_settled = f"{instant} is not null"
            word = Selected(
                "status",
                case_of([(is_settled, "'settled'")], "'pending'"),
                "guess: settled if it has a time",
            )
        else:
            return Selected("status", "'pending'::text", "TODO nothing says what is settled"), (
                Selected("settled_at", instant, remark)
            )
        if time is not None and (status is not None or "null" in is_settled.split()):
            instant = case_of([(is_settled, instant)])
        return word, Selected("settled_at", instant, remark)


def is_in_major(chosen: Candidate) -> bool:
    """Whether a view's amounts are in major units: by their types, or by their currency (USD/2)."""
    amounts = [chosen.found[n].column for n in ("amount", "fee", "discount") if n in chosen.found]
    # A numeric that is called cents is not major: the draft leaves it as it is, with a remark.
    with_places = (*FLOATS, "numeric", "money")
    return has_currency_places(chosen) or any(
        each.base_type in with_places and not is_called_minor(each) for each in amounts
    )


def is_called_minor(column: Column) -> bool:
    """Whether a column's name says that it has minor units, as amount_cents does."""
    return any(word in snake_case(column.name).split("_") for word in _MINOR_WORDS)


def has_currency_places(chosen: Candidate) -> bool:
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
