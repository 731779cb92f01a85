"""Load the key that signs statements, once per process.

Without a key nothing is signed, and pyHanko is not imported.
"""

import threading
from functools import cache

from closebook.settings.signing_settings import KeyFile, SigningKey
from closebook.statements.library_versions import PYHANKO
from closebook.statements.signing.private_key import PrivateKey
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


@cache  # a token refuses a second log-in
def _load(key: SigningKey) -> Signer:
    PYHANKO.check_installed()
    from closebook.statements.signing.algorithm import algorithm_of
    from closebook.statements.signing.evidence import Evidence
    from closebook.statements.signing.pades_signer import PadesSigner

    private = _private_key(key)
    evidence = None
    if key.timestamping is not None:
        hash_name = algorithm_of(private.certificate).hash_name
        evidence = Evidence(key.timestamping, hash_name, private.chain)
    return PadesSigner(private, evidence)


def _private_key(key: SigningKey) -> PrivateKey:
    if isinstance(key, KeyFile):
        from closebook.statements.signing.file_key import key_in_file

        return key_in_file(key)
    from closebook.statements.signing.token_key import key_on_token

    return key_on_token(key)
