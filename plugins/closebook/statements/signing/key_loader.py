"""Load the key that signs statements, once a process.

Without a key nothing is signed, and pyHanko is not imported.
"""

import threading
from functools import lru_cache

from closebook.settings import KeyFile, SigningKey
from closebook.statements.signing.signer import Signer

_loading = threading.Lock()


def signer_of(key: SigningKey | None) -> Signer | None:
    """Who signs with this key, loaded once a process; None without a key.

    Raises Misconfigured when the key is missing, does not open, or its certificate is not valid
    at this time.
    """
    if key is None:
        return None
    with _loading:  # a token lets nobody log in twice
        return _signer_of(key)


@lru_cache(maxsize=4)
def _signer_of(key: SigningKey) -> Signer:
    from closebook.statements.signing.pyhanko_signer import in_memory, on_token

    return in_memory(key) if isinstance(key, KeyFile) else on_token(key)
