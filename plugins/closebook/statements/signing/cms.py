"""Signatures as CMS SignedData (RFC 5652), as ETSI EN 319 142-1 requires of a PAdES baseline.

Of two signatures by one certificate only the digest, the time and the signature's own bytes differ.
All else is encoded once, when the key is loaded: to encode it for each statement takes longer than
to sign.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from hashlib import new, sha256

from asn1crypto import algos, cms, core, tsp, x509

_SEQUENCE, _SET, _OCTETS = b"\x30", b"\x31", b"\x04"
_CONTENT, _CERTIFICATES, _SIGNED_ATTRIBUTES, _OTHER_ATTRIBUTES = b"\xa0", b"\xa0", b"\xa0", b"\xa1"
_SHORT_LENGTH = 0x80


class SignedDataWriter:
    """Writes the signatures of one certificate.

    ``hash_name`` is sha256, sha384 or sha512; ``algorithm`` is the signature's algorithm. The
    certificate and its chain stand in each signature once.
    """

    def __init__(
        self,
        certificate: x509.Certificate,
        chain: Iterable[x509.Certificate],
        hash_name: str,
        algorithm: algos.SignedDigestAlgorithm,
    ) -> None:
        self.new_hash = partial(new, hash_name)
        hash_algorithm = algos.DigestAlgorithm({"algorithm": hash_name})
        known = dict.fromkeys(each.dump() for each in (certificate, *chain))
        signer = cms.IssuerAndSerialNumber(
            {"issuer": certificate.issuer, "serial_number": certificate.serial_number}
        )
        self._fixed_attributes = [
            _attribute("content_type", "data"),
            _attribute(
                "cms_algorithm_protection",
                cms.CMSAlgorithmProtection(
                    {"digest_algorithm": hash_algorithm, "signature_algorithm": algorithm}
                ),
            ),
            _attribute("signing_certificate_v2", _named_certificate(certificate)),
        ]
        self._before_signers = b"".join(
            [
                core.Integer(1).dump(),
                _encoded(_SET, hash_algorithm.dump()),
                _encoded(_SEQUENCE, cms.ContentType("data").dump()),
                _encoded(_CERTIFICATES, *known),
            ]
        )
        self._before_attributes = core.Integer(1).dump() + signer.dump() + hash_algorithm.dump()
        self._algorithm = algorithm.dump()

    def signed_attributes(self, digest: bytes, *, signed_at: datetime | None = None) -> bytes:
        """Return what the key signs, for a content of this digest.

        A PDF states the time of signing elsewhere; PAdES forbids it here.
        """
        attributes = [*self._fixed_attributes, _attribute("message_digest", digest)]
        if signed_at is not None:
            time = cms.Time({"utc_time": signed_at.astimezone(UTC).replace(microsecond=0)})
            attributes.append(_attribute("signing_time", time))
        return _encoded(_SET, *sorted(attributes))  # DER sorts the members of a set

    def signed_data(self, attributes: bytes, signature: bytes, timestamp: bytes = b"") -> bytes:
        """Return the whole signature: ``signature`` is the key's own, of the attributes.

        ``timestamp`` is a timestamp authority's token of it, if there is one.
        """
        signer = _encoded(
            _SEQUENCE,
            self._before_attributes,
            _SIGNED_ATTRIBUTES + attributes[1:],  # signed as a SET, written under a tag of its own
            self._algorithm,
            _encoded(_OCTETS, signature),
            _encoded(_OTHER_ATTRIBUTES, _timestamp_attribute(timestamp)) if timestamp else b"",
        )
        signed = _encoded(_SEQUENCE, self._before_signers, _encoded(_SET, signer))
        return _encoded(
            _SEQUENCE, cms.ContentType("signed_data").dump(), _encoded(_CONTENT, signed)
        )


def _named_certificate(certificate: x509.Certificate) -> tsp.SigningCertificateV2:
    """Return the attribute that binds the certificate to the signature (RFC 5035)."""
    issuer = x509.GeneralName("directory_name", certificate.issuer)
    return tsp.SigningCertificateV2(
        {
            "certs": [
                {
                    "cert_hash": sha256(certificate.dump()).digest(),
                    "issuer_serial": {
                        "issuer": [issuer],
                        "serial_number": certificate.serial_number,
                    },
                }
            ]
        }
    )


def _attribute(name: str, value: object) -> bytes:
    encoded: bytes = cms.CMSAttribute({"type": name, "values": [value]}).dump()
    return encoded


def _timestamp_attribute(token: bytes) -> bytes:
    name = cms.CMSAttributeType("signature_time_stamp_token").dump()
    return _encoded(_SEQUENCE, name, _encoded(_SET, token))


def _encoded(tag: bytes, *parts: bytes) -> bytes:
    """Return an element in DER: its tag, its length, its content (ITU-T X.690)."""
    content = b"".join(parts)
    size = len(content)
    if size < _SHORT_LENGTH:
        return tag + bytes((size,)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return tag + bytes((_SHORT_LENGTH | len(length),)) + length + content
