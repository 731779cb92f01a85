"""Which algorithm a certificate's key signs with, and the certificates that a signature carries.

The hash is about as strong as the key, as ETSI TS 119 312 recommends.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from asn1crypto import algos, x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from closebook.errors import Misconfigured

LEAST_RSA_BITS, LEAST_EC_BITS = 2048, 256
_HASHES: dict[str, hashes.HashAlgorithm] = {
    each.name: each for each in (hashes.SHA256(), hashes.SHA384(), hashes.SHA512())
}
# The two numbers of an EC signature, each with its head and a sign byte, and the head around them.
_EC_HEADS_BYTES = 10


@dataclass(frozen=True, slots=True)
class SignatureAlgorithm:
    """``hash_name`` is sha256, sha384 or sha512; ``identifier`` is how CMS names the algorithm.

    A signature has at most ``longest_bytes``.
    """

    hash_name: str
    identifier: algos.SignedDigestAlgorithm
    is_pss: bool
    longest_bytes: int

    @property
    def hash(self) -> hashes.HashAlgorithm:
        """The hash, as the library cryptography has it."""
        return _HASHES[self.hash_name]

    @property
    def padding(self) -> padding.AsymmetricPadding:
        """The padding of an RSA key, as the library cryptography has it."""
        if self.is_pss:
            return padding.PSS(padding.MGF1(self.hash), self.hash.digest_size)
        return padding.PKCS1v15()


def algorithm_of(certificate: x509.Certificate) -> SignatureAlgorithm:
    """Return the algorithm of a certificate's key. Raises Misconfigured for a weak or other key."""
    public = certificate.public_key
    if public.algorithm == "ec":
        return _ec(public.bit_size)
    if public.algorithm in {"rsa", "rsassa_pss"}:
        return _rsa(public.bit_size, is_pss=public.algorithm == "rsassa_pss")
    raise Misconfigured(
        "CB-CONFIG-SIGNING-KEY-OF-OTHER-KIND",
        f"the signing certificate has a key of the kind {public.algorithm}: ask for one with an "
        "RSA or EC key",
    )


def path_of(
    certificate: x509.Certificate, others: Iterable[x509.Certificate]
) -> Sequence[x509.Certificate]:
    """Return the certificates of the authorities above this one, from the nearest one up.

    Others are left out: a file or a token may hold certificates that this signature does not need.
    """
    authorities = {each.subject.hashable: each for each in others if each.ca}
    path: list[x509.Certificate] = []
    issuer = authorities.get(certificate.issuer.hashable)
    while issuer is not None and issuer not in path:
        path.append(issuer)
        issuer = authorities.get(issuer.issuer.hashable)
    return path


def _rsa(bits: int, *, is_pss: bool) -> SignatureAlgorithm:
    if bits < LEAST_RSA_BITS:  # guard: signing.rsa-key-is-long-enough
        raise _too_weak("RSA", bits, LEAST_RSA_BITS)
    hash_name = "sha256"
    identifier = {"algorithm": "sha256_rsa"}
    if is_pss:
        identifier = {"algorithm": "rsassa_pss", "parameters": _pss_parameters(hash_name)}
    return SignatureAlgorithm(
        hash_name, algos.SignedDigestAlgorithm(identifier), is_pss, (bits + 7) // 8
    )


def _ec(bits: int) -> SignatureAlgorithm:
    if bits < LEAST_EC_BITS:  # guard: signing.ec-key-is-long-enough
        raise _too_weak("EC", bits, LEAST_EC_BITS)
    hash_name = next(
        (name for name, each in _HASHES.items() if 8 * each.digest_size >= bits), "sha512"
    )
    return SignatureAlgorithm(
        hash_name,
        algos.SignedDigestAlgorithm({"algorithm": f"{hash_name}_ecdsa"}),
        is_pss=False,
        longest_bytes=2 * ((bits + 7) // 8) + _EC_HEADS_BYTES,
    )


def _pss_parameters(hash_name: str) -> algos.RSASSAPSSParams:
    hash_algorithm = {"algorithm": hash_name}
    return algos.RSASSAPSSParams(
        {
            "hash_algorithm": hash_algorithm,
            "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": hash_algorithm},
            "salt_length": _HASHES[hash_name].digest_size,
        }
    )


def _too_weak(kind: str, bits: int, least_bits: int) -> Misconfigured:
    return Misconfigured(
        "CB-CONFIG-SIGNING-KEY-TOO-WEAK",
        f"the signing certificate has an {kind} key of {bits} bits, which can be broken: ask for "
        f"one of {least_bits} bits or more",
    )
