"""Read the certificates of a PEM file."""

from asn1crypto import pem, x509


def certificates_of(content: bytes) -> list[x509.Certificate]:
    """Return the certificates of a PEM file, of which there may be none.

    Raises ValueError when it is no PEM file, and ValueError or TypeError for what is no certificate
    in it.
    """
    found = [
        x509.Certificate.load(der, strict=True)
        for kind, _, der in pem.unarmor(content, multiple=True)
        if kind == "CERTIFICATE"
    ]
    _ = [certificate.subject.native for certificate in found]  # decoded when it is asked for
    return found
