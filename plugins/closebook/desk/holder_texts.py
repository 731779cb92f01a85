"""What account holders read on the corrected statements of a month, shown before its release."""

from collections.abc import Sequence
from dataclasses import dataclass

from closebook.keys import Key
from closebook.settings.statement_settings import brand_folder, templates_folder
from closebook.sql import query
from closebook.statements.render.brand_folder import load_brand
from closebook.statements.render.catalog import TEMPLATE_VERSION, load_catalog, page_locale
from closebook.store.session import Store


@dataclass(frozen=True)
class HolderText:
    """A text that holders read: its language, the number of statements with it, and one of these.

    ``texts`` is empty if the statements only say that they are corrected.
    """

    language: str
    direction: str
    language_name: str
    texts: Sequence[str]
    statement_count: int
    close_id: int
    account_id: Key
    currency: str


def holder_texts(store: Store, close_id: int) -> list[HolderText]:
    """Return the texts on the corrected statements of a close, as its documents print them."""
    folder = templates_folder() / "statement" / TEMPLATE_VERSION
    brand = load_brand(brand_folder())
    found: dict[tuple[str, tuple[str, ...]], HolderText] = {}
    for row in store.execute(query("desk/issued_month_holder_texts"), {"close_id": close_id}):
        locale = page_locale(folder, brand, row["locale_code"])
        catalog = load_catalog(folder, brand, locale)
        texts = tuple(catalog.holder_texts(row["holder_reason"], row["holder_text"]))
        before = found.get((locale.language, texts))
        count = row["statement_count"] + (before.statement_count if before else 0)
        found[locale.language, texts] = HolderText(
            locale.language,
            locale.text_direction,
            locale.get_language_name("en") or locale.language,
            texts,
            count,
            before.close_id if before else row["close_id"],
            before.account_id if before else row["account_id"],
            before.currency if before else row["currency"],
        )
    return [*found.values()]
