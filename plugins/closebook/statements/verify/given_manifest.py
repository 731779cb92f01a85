"""Compare a received file with the manifest of its month, or with a proof from it.

A manifest or a proof that came with a forged file may be forged as well. So it counts only if it is
proven: its root or its sha256 is the published one, or a trusted key has signed it.
"""

from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from closebook.errors import Misconfigured
from closebook.statements.manifest_document import ManifestDocument, Proof, TreeHead, is_sha256
from closebook.statements.manifest_entries import Entry, NoManifest
from closebook.statements.manifest_parts import ListedParts, PartReader
from closebook.statements.verify.untrusted_pdf import CheckFailed

_MAX_SIGNATURE_CHARACTERS = 64 * 1024


@dataclass(frozen=True)
class Published:
    """What the verifier has from a source that they trust; None for what they do not have.

    ``root`` and ``manifest_sha256`` were published or told by the issuer, and ``trust`` is the
    certificate of a signer or authority.
    """

    root: str | None = None
    manifest_sha256: str | None = None
    trust: bytes | None = None


@dataclass(frozen=True)
class GivenManifest:
    """What a manifest or a proof says: entries of a month, and by what it can be proven.

    ``manifest_sha256`` is None for a proof, which knows only the root.
    """

    month: str
    entries: Sequence[Entry]
    head: TreeHead | None
    signature: str | None
    manifest_sha256: str | None

    @classmethod
    def of_manifest(cls, content: bytes, read_part: PartReader | None = None) -> Self:
        """Read a manifest. Raises Misconfigured if the document is none.

        The parts of a manifest are read by ``read_part`` when they are needed.
        """
        try:
            read = ManifestDocument.read(content, read_part)
        except NoManifest as error:
            raise Misconfigured(
                "CB-CONFIG-REGISTER-NO-MANIFEST",
                f"the given file is no manifest of a month ({error.text}): take the JSON file that "
                "monthly_statements wrote for it",
            ) from error
        return cls(read.month, read.entries, read.head, read.signature, read.sha256)

    @classmethod
    def of_proof(cls, content: bytes) -> Self:
        """Read a proof. Raises CheckFailed if it is none, or does not lead to its root."""
        try:
            read = Proof.read(content)
        except NoManifest as error:
            raise CheckFailed(error.text) from error
        return cls(read.head.month, (read.entry,), read.head, read.signature, None)

    def find(self, **wanted: object) -> Entry | None:
        """Return the first entry with these values, or None."""
        entries: Iterable[Entry] = self.entries
        digest = next((each for each in wanted.values() if is_sha256(each)), None)
        if isinstance(self.entries, ListedParts) and digest is not None:
            entries = self.entries.with_text(str(digest))
        return next(
            (
                entry
                for entry in entries
                if all(entry.get(name) == value for name, value in wanted.items())
            ),
            None,
        )

    @property
    def names(self) -> str:
        """The hashes by which the manifest can be compared with what was published."""
        return "; ".join(
            [f"manifest sha256 {self.manifest_sha256}"] * (self.manifest_sha256 is not None)
            + [f"root {self.head.root}" for _ in "1" if self.head is not None]
        )

    def proven_by(self, published: Published) -> list[str]:
        """Return in which ways the manifest is proven, each as a sentence; none if it is not.

        Raises CheckFailed if it is not the one that was published or signed.
        """
        ways = []
        if published.root is not None:
            if self.head is None:
                raise CheckFailed(
                    "the manifest is from before manifests had a root: compare its sha256 with the "
                    "published one (--manifest-sha256)"
                )
            if self.head.root != published.root:  # guard: verify.root-is-the-published-one
                raise CheckFailed(f"its root is {self.head.root}, and another one was published")
            ways.append("its root is the published one")
        if published.manifest_sha256 is not None:
            # guard: verify.manifest-is-the-published-one
            if self.manifest_sha256 != published.manifest_sha256:
                raise CheckFailed(
                    f"its sha256 is {self.manifest_sha256}, and another one was published"
                    if self.manifest_sha256
                    else "a proof does not have its manifest's sha256: compare the root (--root)"
                )
            ways.append("its sha256 is the published one")
        if published.trust is not None and self.signature is not None and self.head is not None:
            ways.append(_signed_by(self.head, self.signature, published.trust))
        return ways


def checked_sha256(text: str | None, option: str) -> str | None:
    """Return a sha256 that was typed, in lower case. Raises Misconfigured for any other text."""
    digest = None if text is None else text.strip().lower()
    if digest is not None and not is_sha256(digest):
        raise Misconfigured(
            "CB-CONFIG-NO-SHA256", f"{option} takes a sha256 of 64 hexadecimal digits, not {text!r}"
        )
    return digest


def _signed_by(head: TreeHead, signature: str, trust: bytes) -> str:
    # This import loads pyHanko, which takes long.
    from closebook.statements.verify.signature import load_certificates, read_detached_signature

    trusted = load_certificates(trust)
    if len(signature) > _MAX_SIGNATURE_CHARACTERS:
        raise CheckFailed("its signature is larger than any signature is")
    try:
        content = b64decode(signature, validate=True)
    except (NoBase64, ValueError) as error:
        raise CheckFailed("its signature cannot be read") from error
    found = read_detached_signature(head.content, content, trusted)
    if not found.is_trusted:  # guard: verify.manifest-signer-is-trusted
        raise CheckFailed(f"it is signed by {found.signer}, who is not trusted")
    return f"its root is signed by {found.signer}, who is trusted"
