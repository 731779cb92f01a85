"""Load the key that signs statements, once per process.

Without a key nothing is signed, and pyHanko is not imported.
"""

import threading
from functools import lru_cache

from closebook.settings import KeyFile, SigningKey
from closebook.statements.library_versions import PYHANKO
from closebook.statements.signing.signer import Signer

_loading = threading.Lock()


def load_signer(key: SigningKey | None) -> Signer | None:
    """Return the signer of this key, which is loaded once per process; None without a key.

    Raises Misconfigured when the key is missing or cannot be opened, when its certificate is not
    valid today, or when the installed pyHanko is not supported.
    """
    if key is None:
        return None
    with _loading:  # a process may log in to a token only once
        return _load(key)


@lru_cache(maxsize=4)
def _load(key: SigningKey) -> Signer:
    PYHANKO.check_installed()
    from closebook.statements.signing.pyhanko_signer import signer_with_file, signer_with_token

    return signer_with_file(key) if isinstance(key, KeyFile) else signer_with_token(key)
