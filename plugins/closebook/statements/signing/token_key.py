"""A signing key on a PKCS#11 token.

The hash is computed here and signed there: few tokens can compute each hash for each kind of key.
"""

import threading
from collections.abc import Sequence
from hashlib import new

import pkcs11
from asn1crypto import algos, x509
from pkcs11 import MGF, Attribute, Mechanism, ObjectClass, SignMixin
from pkcs11.util.ec import encode_ecdsa_signature

from closebook.errors import Misconfigured, Transient
from closebook.settings.signing_settings import KeyToken
from closebook.statements.signing.algorithm import algorithm_of, path_of

_HASHES = {"sha256": Mechanism.SHA256, "sha384": Mechanism.SHA384, "sha512": Mechanism.SHA512}
_MASKS = {"sha256": MGF.SHA256, "sha384": MGF.SHA384, "sha512": MGF.SHA512}


class TokenKey:
    """A key that stays on its token; it is a ``private_key.PrivateKey``.

    A token's session can make one signature at a time.
    """

    def __init__(
        self,
        handle: SignMixin,
        certificate: x509.Certificate,
        others: Sequence[x509.Certificate],
    ) -> None:
        self.certificate, self.chain = certificate, path_of(certificate, others)
        self._handle, self._lock = handle, threading.Lock()
        self._algorithm = algorithm_of(certificate)
        self._is_ec = certificate.public_key.algorithm == "ec"

    def sign(self, data: bytes) -> bytes:
        """Return the signature of data. Raises Transient when the token does not sign."""
        digest = new(self._algorithm.hash_name, data).digest()
        try:
            with self._lock:
                return self._signature(digest)
        except pkcs11.PKCS11Error as error:
            raise Transient(
                "CB-RETRY-TOKEN-DID-NOT-SIGN",
                f"the token did not sign ({_message(error)}); see that it is plugged in and can be "
                "reached, then run the task again",
            ) from error

    def _signature(self, digest: bytes) -> bytes:
        hash_name = self._algorithm.hash_name
        if self._is_ec:
            numbers = self._handle.sign(digest, mechanism=Mechanism.ECDSA)
            return bytes(encode_ecdsa_signature(numbers))
        if self._algorithm.is_pss:
            parameters = (_HASHES[hash_name], _MASKS[hash_name], len(digest))
            return bytes(
                self._handle.sign(
                    digest, mechanism=Mechanism.RSA_PKCS_PSS, mechanism_param=parameters
                )
            )
        info = algos.DigestInfo(
            {"digest_algorithm": {"algorithm": hash_name}, "digest": digest}
        ).dump()
        return bytes(self._handle.sign(info, mechanism=Mechanism.RSA_PKCS))


def key_on_token(key: KeyToken) -> TokenKey:
    """Return a key on a token. Raises Misconfigured when it cannot be used."""
    try:
        token = pkcs11.lib(str(key.module)).get_token(token_label=key.token)
        session = token.open(user_pin=key.pin)
        private = {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.LABEL: key.label}
        handles = [each for each in session.get_objects(private) if isinstance(each, SignMixin)]
        labelled = [
            (each[Attribute.LABEL], x509.Certificate.load(each[Attribute.VALUE]))
            for each in session.get_objects({Attribute.CLASS: ObjectClass.CERTIFICATE})
        ]
    except (pkcs11.PKCS11Error, RuntimeError) as error:
        raise _unusable(key, _message(error)) from error
    own = [certificate for label, certificate in labelled if label == key.label]
    if len(handles) != 1 or len(own) != 1:
        raise _unusable(
            key,
            f"it has {len(handles)} private keys and {len(own)} certificates of this label, and "
            "one of each is needed",
        )
    return TokenKey(handles[0], own[0], [certificate for _, certificate in labelled])


def _unusable(key: KeyToken, why: str) -> Misconfigured:
    return Misconfigured(
        "CB-CONFIG-SIGNING-TOKEN-UNUSABLE",
        f"the signing key {key.label} on the token {key.token} of {key.module} cannot be used "
        f"({why}): correct the extra or the password of the signing connection",
    )


def _message(error: Exception) -> str:
    return str(error) or type(error).__name__
