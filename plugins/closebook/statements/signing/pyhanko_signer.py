"""How a file is signed: pyHanko writes the signature, with a key in memory or on a token."""

import threading
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
from pyhanko_certvalidator.registry import SimpleCertificateStore
from pyhanko_certvalidator.util import get_pyca_cryptography_hash

from closebook.errors import Misconfigured, Transient
from closebook.settings import KeyFile, KeyToken
from closebook.statements.signing.signer import Signed

# PDF/A wants a widget that prints, and none to look at where it has no size (ISO 19005-3, 6.3.2
# and 6.3.3). PDF/UA wants it named and within a Form of the tree (ISO 14289-1, 7.18.1 and 7.18.4).
_FIELD = fields.SigFieldSpec(
    "Signature",
    on_page=0,
    readable_field_name="Signature",
    invis_sig_settings=fields.InvisSigSettings(set_print_flag=True, box_out_of_bounds=True),
)
_LANGUAGE_OF_ITS_NAME = "en"
# What a signature holds besides the certificates: attributes, and up to 512 bytes of an RSA key.
_ROOM_FOR_THE_REST = 2048
_HEX_DIGITS_A_BYTE = 2
_MAY_SIGN = {"digital_signature", "non_repudiation"}

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class KeyedSigner:
    """Signs files with one key and its certificate. See ``signature.Signer``."""

    def __init__(self, key: signers.Signer, certificate: x509.Certificate) -> None:
        self._key = key
        self._certificate = certificate
        self._certificate_sha256 = sha256(self._certificate.dump()).hexdigest()
        # Without it pyHanko makes each signature twice, to know how long it will be.
        held = sum(len(certificate.dump()) for certificate in key.cert_registry)
        self._room = _HEX_DIGITS_A_BYTE * (held + _ROOM_FOR_THE_REST)
        self._refuse_unfit()

    def sign(self, pdf: bytes) -> Signed:
        """The file with its signature. Raises Misconfigured and Transient."""
        self._refuse_unfit()
        # A certifying signature: a reader says so if anything is ever appended to the file.
        said = signers.PdfSignatureMetadata(
            field_name=_FIELD.sig_field_name,
            subfilter=fields.SigSeedSubFilter.PADES,
            certify=True,
            docmdp_permissions=fields.MDPPerm.NO_CHANGES,
        )
        signing = signers.PdfSigner(said, self._key)
        update = _Update(BytesIO(pdf))
        update.add_field()
        try:
            signed = signing.sign_pdf(
                update, existing_fields_only=True, bytes_reserved=self._room
            ).getvalue()
        except pkcs11.PKCS11Error as error:
            raise Transient(
                "CB-RETRY-TOKEN-DID-NOT-SIGN",
                f"the token did not sign ({_said(error)}); see that it is plugged in and can be "
                "reached, then run the task again",
            ) from error
        return Signed(signed, sha256(pdf).hexdigest(), self._certificate_sha256)

    def _refuse_unfit(self) -> None:
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
        if usage is not None and not _MAY_SIGN & usage.native:
            raise Misconfigured(
                "CB-CONFIG-SIGNING-CERTIFICATE-MAY-NOT-SIGN",
                "the signing certificate's key usage allows no signatures: ask for one with "
                "digitalSignature or nonRepudiation",
            )


def in_memory(key: KeyFile) -> KeyedSigner:
    """Signs with the key of a PKCS#12 file. Raises Misconfigured when it does not open."""
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
    return KeyedSigner(_KeyInMemory(private, own, chain), own)


def on_token(key: KeyToken) -> KeyedSigner:
    """Signs with the key on a token, by its label. Raises Misconfigured when the token lacks it."""
    try:
        token = pkcs11.lib(str(key.module)).get_token(token_label=key.token)
        session = token.open(user_pin=key.pin)
        signer = _KeyOnToken(
            session,
            cert_label=key.label,
            key_label=key.label,
            other_certs_to_pull=None,
            use_raw_mechanism=True,  # few tokens know how to hash for each kind of key
        )
        signer.load()
    except (pkcs11.PKCS11Error, RuntimeError) as error:
        raise Misconfigured(
            "CB-CONFIG-SIGNING-TOKEN-UNUSABLE",
            f"the signing key {key.label} on the token {key.token} of {key.module} cannot be used "
            f"({_said(error)}): correct the extra or the password of the signing connection",
        ) from error
    return KeyedSigner(signer, signer.signing_cert)


class _Update(IncrementalPdfFileWriter):
    """An update that adds a signature and nothing else."""

    def add_field(self) -> None:
        """Add the field for the signature, and its place in the tree of tags."""
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
                Lang=generic.pdf_string(_LANGUAGE_OF_ITS_NAME),
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
        """Leave the metadata as it is: what it claims of the file still holds."""


def _dictionary(**entries: generic.PdfObject | str) -> generic.DictionaryObject:
    return generic.DictionaryObject(
        {
            generic.pdf_name(f"/{key}"): generic.pdf_name(value) if type(value) is str else value
            for key, value in entries.items()
        }
    )


class _KeyInMemory(signers.Signer):
    """A key that is parsed once: to load and check it anew costs more than to sign."""

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


class _KeyOnToken(PKCS11Signer):
    """A key on a token, whose one session takes one signature at a time."""

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


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
