"""What Closebook relies on in pyHanko 0.38 beyond its documented interfaces.

Each test names one private or undocumented part. When an upgrade of pyHanko fails here, the name of
the failed test says which part has changed. signing/evidence.py uses all of these parts.
test_weasyprint_contract.py compares the range of versions with requirements.in.
"""

import inspect
import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pikepdf
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.signers import PdfTimeStamper
from pyhanko.sign.validation.dss import DocumentSecurityStore, collect_validation_info

from tests.statements.rendered_pdf import ROOT, rendered
from tests.statements.samples import many


def test_a_version_of_pyhanko_that_is_not_supported_is_refused_in_words(tmp_path: Path) -> None:
    # Given a machine on which another version of pyHanko is installed
    metadata = tmp_path / "pyhanko-0.25.0.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: pyhanko\nVersion: 0.25.0\n")
    # When the signer is loaded
    program = (
        "from pathlib import Path\n"
        "from closebook.errors import Misconfigured\n"
        "from closebook.settings.signing_settings import KeyFile\n"
        "from closebook.statements.signing.key_loader import load_signer\n"
        "try:\n    load_signer(KeyFile(Path('key.p12'), ''))\n"
        "except Misconfigured as error:\n    print(error)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT / 'plugins'}"},
        capture_output=True,
        text=True,
        check=True,
    )
    # Then the error says which version is needed, which is installed, and what to do
    assert "Closebook needs pyhanko>=0.38,<0.39" in ran.stdout
    assert "pyhanko 0.25.0 is installed" in ran.stdout
    assert "pip install -r requirements.txt" in ran.stdout


def test_update_meta_is_the_method_that_changes_the_metadata() -> None:
    class WithoutMetadata(IncrementalPdfFileWriter):
        def _update_meta(self) -> None:
            pass

    def xmp_after_an_update(writer: IncrementalPdfFileWriter) -> bytes:
        output = BytesIO()
        writer.update_root()
        writer.write(output)
        with pikepdf.open(output) as written:
            return bytes(written.Root.Metadata.read_bytes())

    pdf = rendered(many(2)).pdf
    with pikepdf.open(BytesIO(pdf)) as unchanged:
        before = bytes(unchanged.Root.Metadata.read_bytes())
    assert xmp_after_an_update(IncrementalPdfFileWriter(BytesIO(pdf))) != before
    assert xmp_after_an_update(WithoutMetadata(BytesIO(pdf))) == before


def test_collect_validation_info_is_a_coroutine_that_takes_a_signature_and_a_context() -> None:
    assert inspect.iscoroutinefunction(collect_validation_info)
    parameters = ["embedded_sig", "validation_context", "skip_timestamp"]
    assert list(inspect.signature(collect_validation_info).parameters) == parameters


def test_supply_dss_in_writer_writes_into_an_update_that_others_continue() -> None:
    parameters = set(inspect.signature(DocumentSecurityStore.supply_dss_in_writer).parameters)
    assert {"pdf_out", "sig_contents", "paths", "validation_context"} <= parameters


def test_a_timestamp_of_a_file_takes_the_name_of_a_field_and_an_output() -> None:
    assert "field_name" in inspect.signature(PdfTimeStamper).parameters
    parameters = set(inspect.signature(PdfTimeStamper.timestamp_pdf).parameters)
    assert {"pdf_out", "md_algorithm", "validation_context", "dss_settings", "output"} <= parameters
