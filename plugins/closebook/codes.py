"""The codes of the store, such as ``issued_again``, as words for people."""


def words_of(code: str) -> str:
    """Return a code in words: ``issued_again`` is "issued again"."""
    return code.replace("_", " ")
