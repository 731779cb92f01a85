"""A manifest counts only if it is proven: by its root, its sha256, or its signature."""

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from closebook.errors import Misconfigured
from closebook.keys import Key
from closebook.settings.signing_settings import KeyFile
from closebook.statements.manifest_document import ManifestDocument, NoManifest, Proof
from closebook.statements.signing.key_loader import load_signer
from closebook.statements.signing.signer import Signer
from closebook.statements.verify.report import Outcome, Report
from closebook.statements.verify.verification import VerifyInputs, verify, verify_proof
from tests.statements.certificates import PASSPHRASE, identity
from tests.statements.rendered_pdf import rendered
from tests.statements.samples import entry, statement
from tests.statements.verify_samples import ANOTHER, FEW, failed, manifest, outcomes, register

FORGED = replace(statement(entry(999_999_00, "A gift")), account_id=FEW.account_id)


def pdf() -> bytes:
    return rendered(FEW).pdf


def genuine(signer: Signer | None = None) -> bytes:
    return manifest((ANOTHER, b"of somebody else"), (FEW, pdf()), signer=signer)


def root_of(content: bytes) -> str:
    head = ManifestDocument.read(content).head
    assert head is not None
    return head.root


def is_verified(report: Report) -> bool:
    return report.is_in_manifest and report.is_proven and not report.has_failed


def test_a_forged_file_with_a_forged_manifest_is_not_verified() -> None:
    forged = rendered(FORGED).pdf
    listed = manifest((FORGED, forged))
    published = root_of(genuine())

    alone = verify(forged, VerifyInputs(manifest=listed))
    compared = verify(forged, VerifyInputs(manifest=listed, root=published))
    hashed = verify(
        forged,
        VerifyInputs(manifest=listed, manifest_sha256=sha256(genuine()).hexdigest()),
    )

    assert failed(alone) == {}
    assert not is_verified(alone)
    assert "the manifest itself is unproven" in alone.text
    assert root_of(listed) in alone.text
    assert sha256(listed).hexdigest() in alone.text
    assert "another one was published" in failed(compared)["published"]
    assert "another one was published" in failed(hashed)["published"]


def test_the_published_root_or_hash_proves_the_manifest() -> None:
    content = genuine()
    for inputs in (
        VerifyInputs(manifest=content, root=root_of(content).upper()),
        VerifyInputs(manifest=content, manifest_sha256=hash_of(content)),
    ):
        report = verify(pdf(), inputs)
        assert is_verified(report)
        assert report.text.endswith("Verified: this is the file that was issued.\n")


def hash_of(content: bytes) -> str:
    return sha256(content).hexdigest()


def test_a_trusted_signature_proves_the_manifest_and_another_one_does_not(
    signer: Signer, tmp_path: Path
) -> None:
    trust = identity().authority_pem
    signed_pdf = signer.sign(pdf()).pdf
    content = manifest((FEW, signed_pdf), signer=signer)
    assert is_verified(verify(signed_pdf, VerifyInputs(manifest=content, trust=trust)))

    key = KeyFile(tmp_path / "stranger.p12", PASSPHRASE)
    key.path.write_bytes(identity(authority="Somebody Else").pkcs12)
    stranger = load_signer(key)
    by_stranger = manifest((FEW, signed_pdf), signer=stranger)
    report = verify(signed_pdf, VerifyInputs(manifest=by_stranger, trust=trust))
    assert "who is not trusted" in failed(report)["published"]

    # And the signature of one month proves no other
    moved = json.loads(manifest((FEW, signed_pdf)))
    moved["signature"] = json.loads(genuine(signer))["signature"]
    report = verify(signed_pdf, VerifyInputs(manifest=json.dumps(moved).encode(), trust=trust))
    assert "another root" in failed(report)["published"]


@pytest.mark.parametrize("signature", ["", "AAAA", "not base64", "A" * 100_000, "MIIB"])
def test_a_signature_that_is_none_fails(signature: str) -> None:
    changed = json.loads(genuine()) | {"signature": signature}
    report = verify(
        pdf(),
        VerifyInputs(manifest=json.dumps(changed).encode(), trust=identity().authority_pem),
    )
    assert "published" in failed(report)


def test_a_manifest_from_before_there_was_a_root_is_proven_by_its_hash() -> None:
    old = register((FEW, pdf()))
    assert is_verified(verify(pdf(), VerifyInputs(manifest=old, manifest_sha256=hash_of(old))))
    assert outcomes(verify(pdf(), VerifyInputs(manifest=old)))["published"] is Outcome.NOT_CHECKED
    report = verify(pdf(), VerifyInputs(manifest=old, root="0" * 64))
    assert "--manifest-sha256" in failed(report)["published"]


@pytest.mark.parametrize("account_id", [78, "users:77", "0188d6f2-7d3e-7c1a-9b1f-5a2b3c4d5e6f"])
def test_a_manifest_that_lists_the_file_for_another_account_does_not_verify_it(
    account_id: Key,
) -> None:
    other = manifest((replace(FEW, account_id=account_id), pdf()))
    report = verify(pdf(), VerifyInputs(manifest=other, manifest_sha256=hash_of(other)))
    assert "for this file, and its XML has 77" in failed(report)["manifest"]


def test_a_manifest_whose_entries_were_changed_is_no_manifest() -> None:
    changed = json.loads(genuine())
    changed["statements"][0]["closing_minor"] += 1
    with pytest.raises(Misconfigured, match="do not have the root that it states"):
        verify(pdf(), VerifyInputs(manifest=json.dumps(changed).encode()))


# ---- the proof of one statement --------------------------------------------------------


def proof() -> bytes:
    made = ManifestDocument.read(MANIFEST).proof(FEW.account_id, FEW.currency)
    assert made is not None
    return made


MANIFEST = manifest(
    *((replace(ANOTHER, account_id=number), bytes([number])) for number in range(1, 40)),
    (FEW, b"the pdf"),
    *((replace(ANOTHER, account_id=number), bytes([number])) for number in range(100, 120)),
)


def test_a_proof_verifies_a_file_and_itself() -> None:
    content = ManifestDocument.read(genuine())
    root = root_of(genuine())
    own = content.proof(FEW.account_id, FEW.currency)
    assert own is not None
    assert content.head is not None
    published = content.head.root

    report = verify(pdf(), VerifyInputs(proof=own, root=published))
    assert is_verified(report)
    assert outcomes(report)["proof"] is Outcome.OK
    assert root != published  # each manifest has salts of its own

    alone = verify_proof(own, VerifyInputs(root=published))
    assert is_verified(alone)
    assert alone.text.endswith("Verified: this is a statement that was issued.\n")
    unproven = verify_proof(own, VerifyInputs())
    assert unproven.is_in_manifest
    assert not unproven.is_proven
    other = verify_proof(own, VerifyInputs(root="0" * 64))
    assert "another one was published" in failed(other)["published"]


def test_a_proof_of_another_statement_does_not_verify_a_file() -> None:
    content = ManifestDocument.read(genuine())
    of_another = content.proof(ANOTHER.account_id, ANOTHER.currency)
    assert of_another is not None
    assert content.head is not None
    report = verify(pdf(), VerifyInputs(proof=of_another, root=content.head.root))
    assert "manifest" in failed(report)


def test_a_proof_shows_no_other_account_and_is_small() -> None:
    content = proof()
    read = json.loads(content)
    assert set(read) == {
        *("format", "month", "statement", "index", "tree_size", "path", "root", "signature"),
    }
    assert len(read["path"]) == 6
    assert len(content) < 4096
    # No hash of the path is one that the facts of another account lead to
    others = ManifestDocument.read(MANIFEST)
    guessable = {
        sha256(json.dumps({k: v for k, v in entry.items() if k != "salt"}).encode()).hexdigest()
        for entry in others.entries
    }
    assert not guessable & set(read["path"])
    salts = [entry["salt"] for entry in others.entries]
    assert len(set(salts)) == len(salts)
    assert {len(salt) for salt in salts} == {64}


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "account": lambda it: it["statement"].update(account_id=78),
    "currency": lambda it: it["statement"].update(currency="USD"),
    "version": lambda it: it["statement"].update(statement_version=2),
    "opening": lambda it: it["statement"].update(opening_minor=1),
    "closing": lambda it: it["statement"].update(closing_minor=1),
    "lines": lambda it: it["statement"].update(line_count=1),
    "hash": lambda it: it["statement"].update(sha256="0" * 64),
    "salt": lambda it: it["statement"].update(salt="0" * 64),
    "month": lambda it: it.update(month="2026-11"),
    "place": lambda it: it.update(index=it["index"] + 1),
    "size": lambda it: it.update(tree_size=it["tree_size"] * 2),
    "path": lambda it: it["path"].reverse(),
    "root": lambda it: it.update(root="0" * 64),
    "format": lambda it: it.update(format="closebook proof 9"),
    "no path": lambda it: it.pop("path"),
    "long path": lambda it: it.update(path=["00" * 32] * 65),
    "short hash": lambda it: it["path"].__setitem__(0, "00"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_proof_with_a_change_leads_to_no_root(change: str) -> None:
    changed = json.loads(proof())
    CHANGES[change](changed)
    with pytest.raises(NoManifest):
        Proof.read(json.dumps(changed).encode())
    report = verify_proof(json.dumps(changed).encode(), VerifyInputs())
    assert "proof" in failed(report)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"null", b"[" * 60_000, b" " * 70_000])
def test_what_is_no_proof_fails(content: bytes) -> None:
    assert "proof" in failed(verify_proof(content, VerifyInputs()))
