"""Sign PDFs with pyHanko, with a key in memory or on a token.

tests/statements/test_pyhanko_contract.py names each part of pyHanko that is private or overridden
here in a test of its own.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pkcs11
from asn1crypto import x509
from cryptography import x509 as cryptography_x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko.sign.pkcs11 import PKCS11Signer
from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes
from pyhanko_certvalidator.registry import SimpleCertificateStore
from pyhanko_certvalidator.util import get_pyca_cryptography_hash

from closebook.errors import Misconfigured, Transient
from closebook.settings import KeyFile, KeyToken
from closebook.statements.signing.signer import SignedPdf

# PDF/A requires that the widget of a signature has the print flag, and an appearance unless it has
# no size (ISO 19005-3, 6.3.2 and 6.3.3). PDF/UA requires a name for it, and a Form element around
# it in the structure tree (ISO 14289-1, 7.18.1 and 7.18.4).
_FIELD = fields.SigFieldSpec(
    "Signature",
    on_page=0,
    readable_field_name="Signature",
    invis_sig_settings=fields.InvisSigSettings(set_print_flag=True, box_out_of_bounds=True),
)
_FIELD_NAME_LANGUAGE = "en"
# The size of a signature without its certificates: attributes, and up to 512 bytes of an RSA key.
_BYTES_WITHOUT_CERTIFICATES = 2048
_HEX_DIGITS_PER_BYTE = 2
_SIGNING_KEY_USAGES = {"digital_signature", "non_repudiation"}

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class PyhankoSigner:
    """Signs PDFs with one key and its certificate; it is a ``signer.Signer``."""

    def __init__(self, key: signers.Signer, certificate: x509.Certificate) -> None:
        self._key = key
        self._certificate = certificate
        self._certificate_sha256 = sha256(self._certificate.dump()).hexdigest()
        # With a known size pyHanko makes each signature once; without it, twice.
        certificate_bytes = sum(len(certificate.dump()) for certificate in key.cert_registry)
        self._reserved_digits = _HEX_DIGITS_PER_BYTE * (
            certificate_bytes + _BYTES_WITHOUT_CERTIFICATES
        )
        self._check_certificate()

    def sign(self, pdf: bytes) -> SignedPdf:
        """Return the signed PDF. Raises Misconfigured and Transient."""
        self._check_certificate()
        # A certifying signature makes a PDF reader report anything that is appended to the file.
        metadata = signers.PdfSignatureMetadata(
            field_name=_FIELD.sig_field_name,
            subfilter=fields.SigSeedSubFilter.PADES,
            certify=True,
            docmdp_permissions=fields.MDPPerm.NO_CHANGES,
        )
        signing = signers.PdfSigner(metadata, self._key)
        update = _SignatureUpdate(BytesIO(pdf))
        update.add_field()
        with _token_errors():
            signed = signing.sign_pdf(
                update, existing_fields_only=True, bytes_reserved=self._reserved_digits
            ).getvalue()
        return SignedPdf(signed, sha256(pdf).hexdigest(), self._certificate_sha256)

    def sign_detached(self, content: bytes) -> bytes:
        """Return a detached CMS signature of the content. Raises Misconfigured and Transient."""
        self._check_certificate()
        attributes = PdfCMSSignedAttributes(signing_time=datetime.now(UTC))
        with _token_errors():
            signature = asyncio.run(
                self._key.async_sign_general_data(
                    content, "sha256", signed_attr_settings=attributes
                )
            )
        signed: bytes = signature.dump()
        return signed

    def _check_certificate(self) -> None:
        first, last = self._certificate.not_valid_before, self._certificate.not_valid_after
        now = datetime.now(UTC)
        if not first <= now <= last:
            raise Misconfigured(
                "CB-CONFIG-SIGNING-CERTIFICATE-NOT-VALID",
                f"the signing certificate is valid from {first:%Y-%m-%d} to {last:%Y-%m-%d}, and "
                f"it is {now:%Y-%m-%d}: renew it, and put the new one with its key in the place "
                "of the old one",
            )
        usage = self._certificate.key_usage_value
        if usage is not None and not _SIGNING_KEY_USAGES & usage.native:
            raise Misconfigured(
                "CB-CONFIG-SIGNING-CERTIFICATE-MAY-NOT-SIGN",
                "the signing certificate's key usage allows no signatures: ask for one with "
                "digitalSignature or nonRepudiation",
            )


def signer_with_file(key: KeyFile) -> PyhankoSigner:
    """Return a signer with the key of a PKCS#12 file. Raises Misconfigured if it cannot be used."""
    try:
        content = Path(key.path).read_bytes()
    except OSError as error:
        raise Misconfigured(
            "CB-CONFIG-SIGNING-KEY-UNREADABLE",
            f"the signing key {key.path} cannot be read ({error.strerror}): correct pkcs12 in the "
            "extra of the signing connection, or the rights of the file",
        ) from error
    try:
        private, certificate, others = pkcs12.load_key_and_certificates(
            content, key.passphrase.encode() or None
        )
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Misconfigured(
            "CB-CONFIG-SIGNING-KEY-NOT-PKCS12",
            f"the signing key {key.path} is no PKCS#12 file, or not one of this passphrase: "
            "correct the password of the signing connection",
        ) from error
    if certificate is None or not isinstance(private, PrivateKey):
        raise Misconfigured(
            "CB-CONFIG-SIGNING-KEY-INCOMPLETE",
            f"the signing key {key.path} holds no RSA or EC key with its certificate: export both "
            "into it",
        )
    if private.public_key() != certificate.public_key():
        raise Misconfigured(
            "CB-CONFIG-SIGNING-KEY-OF-OTHER-CERTIFICATE",
            f"the signing key {key.path} holds a certificate of another key",
        )
    own, chain = _as_asn1(certificate), [_as_asn1(other) for other in others]
    return PyhankoSigner(_MemoryKeySigner(private, own, chain), own)


def signer_with_token(key: KeyToken) -> PyhankoSigner:
    """Return a signer with a key on a token. Raises Misconfigured when the key cannot be used."""
    try:
        token = pkcs11.lib(str(key.module)).get_token(token_label=key.token)
        session = token.open(user_pin=key.pin)
        signer = _TokenSigner(
            session,
            cert_label=key.label,
            key_label=key.label,
            other_certs_to_pull=None,
            use_raw_mechanism=True,  # few tokens can compute the hash for every type of key
        )
        signer.load()
    except (pkcs11.PKCS11Error, RuntimeError) as error:
        raise Misconfigured(
            "CB-CONFIG-SIGNING-TOKEN-UNUSABLE",
            f"the signing key {key.label} on the token {key.token} of {key.module} cannot be used "
            f"({_message(error)}): correct the extra or the password of the signing connection",
        ) from error
    return PyhankoSigner(signer, signer.signing_cert)


class _SignatureUpdate(IncrementalPdfFileWriter):
    """An incremental update that adds a signature and nothing else."""

    def add_field(self) -> None:
        """Add the signature's field, and its element in the structure tree."""
        fields.append_signature_field(self, _FIELD)
        widget = self.root["/AcroForm"]["/Fields"].raw_get(-1)
        tree = self.root["/StructTreeRoot"]
        document = tree["/K"].raw_get(0)
        key = tree["/ParentTreeNextKey"]
        kid = _dictionary(Type="/OBJR", Obj=widget, Pg=self.root["/Pages"]["/Kids"].raw_get(0))
        form = self.add_object(
            _dictionary(
                Type="/StructElem",
                S="/Form",
                P=document,
                Lang=generic.pdf_string(_FIELD_NAME_LANGUAGE),
                K=kid,
            )
        )
        document.get_object()["/K"].append(form)
        self.mark_update(document)
        owners = _dictionary(
            Limits=generic.ArrayObject([key, key]), Nums=generic.ArrayObject([key, form])
        )
        tree["/ParentTree"]["/Kids"].append(self.add_object(owners))
        tree["/ParentTreeNextKey"] = generic.NumberObject(key + 1)
        self.update_container(tree)
        widget.get_object()["/StructParent"] = key

    def _update_meta(self) -> None:
        """Change no metadata: pyHanko would set its own producer and a new modification date."""


def _dictionary(**entries: generic.PdfObject | str) -> generic.DictionaryObject:
    return generic.DictionaryObject(
        {
            generic.pdf_name(f"/{key}"): generic.pdf_name(value) if type(value) is str else value
            for key, value in entries.items()
        }
    )


class _MemoryKeySigner(signers.Signer):
    """Signs with a key that is parsed once.

    pyHanko's own SimpleSigner parses and checks the key for each signature, which takes longer than
    to sign.
    """

    def __init__(
        self, private: PrivateKey, certificate: x509.Certificate, chain: list[x509.Certificate]
    ) -> None:
        self._private = private
        known = SimpleCertificateStore()
        known.register_multiple([certificate, *chain])
        super().__init__(signing_cert=certificate, cert_registry=known)

    async def async_sign_raw(
        self, data: bytes, digest_algorithm: str, dry_run: bool = False
    ) -> bytes:
        digest: hashes.HashAlgorithm = get_pyca_cryptography_hash(digest_algorithm)
        if isinstance(self._private, rsa.RSAPrivateKey):
            return self._private.sign(data, padding.PKCS1v15(), digest)
        return self._private.sign(data, ec.ECDSA(digest))


class _TokenSigner(PKCS11Signer):
    """Signs with a key on a token. A token's session can make one signature at a time."""

    def load(self) -> None:
        self._lock = threading.Lock()
        self._load_objects()  # type: ignore[no-untyped-call]

    async def async_sign_raw(
        self, data: bytes, digest_algorithm: str, dry_run: bool = False
    ) -> bytes:
        with self._lock:
            signed: bytes = await super().async_sign_raw(data, digest_algorithm, dry_run)
            return signed


def _as_asn1(certificate: cryptography_x509.Certificate) -> x509.Certificate:
    return x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))


@contextmanager
def _token_errors() -> Iterator[None]:
    try:
        yield
    except pkcs11.PKCS11Error as error:
        raise Transient(
            "CB-RETRY-TOKEN-DID-NOT-SIGN",
            f"the token did not sign ({_message(error)}); see that it is plugged in and can be "
            "reached, then run the task again",
        ) from error


def _message(error: Exception) -> str:
    return str(error) or type(error).__name__
