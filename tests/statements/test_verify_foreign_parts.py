"""What lies over a page, hides a part of it, turns it or runs: no statement has it."""

from collections.abc import Callable
from typing import Any

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, String

from closebook.statements.signing.signer import Signer
from closebook.statements.verify.verification import VerifyInputs, verify
from tests.statements.altered_pdf import changed
from tests.statements.rendered_pdf import rendered
from tests.statements.verify_samples import FEW, failed, manifest


def _another_amount_over_the_page(pdf: pikepdf.Pdf) -> None:
    drawn = pdf.make_stream(
        b"1 1 1 rg 0 0 200 40 re f BT /F1 12 Tf 0 g 10 10 Td (EUR 999,999.00) Tj ET",
        Type=Name.XObject,
        Subtype=Name.Form,
        BBox=Array([0, 0, 200, 40]),
        Resources=Dictionary(
            Font=Dictionary(
                F1=Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
            )
        ),
    )
    _page(pdf).Annots = Array(
        [
            pdf.make_indirect(
                Dictionary(
                    Type=Name.Annot,
                    Subtype=Name.Stamp,
                    Rect=Array([300, 500, 500, 540]),
                    F=4,
                    AP=Dictionary(N=drawn),
                )
            )
        ]
    )


def _a_field_that_shows_something(pdf: pikepdf.Pdf) -> None:
    drawn = pdf.make_stream(b"1 1 1 rg 0 0 200 40 re f", BBox=Array([0, 0, 200, 40]))
    field = Dictionary(Type=Name.Annot, Subtype=Name.Widget, FT=Name.Sig, AP=Dictionary(N=drawn))
    _page(pdf).Annots = Array([pdf.make_indirect(field)])


def _a_link(pdf: pikepdf.Pdf) -> None:
    link = Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=Array([0, 0, 9, 9]))
    _page(pdf).Annots = Array([pdf.make_indirect(link)])


def _a_hidden_layer(pdf: pikepdf.Pdf) -> None:
    layer = pdf.make_indirect(Dictionary(Type=Name.OCG, Name=String("layer")))
    pdf.Root.OCProperties = Dictionary(OCGs=Array([layer]), D=Dictionary(OFF=Array([layer])))


def _script() -> Dictionary:
    return Dictionary(S=Name.JavaScript, JS=String("app.alert(1)"))


def _page(pdf: pikepdf.Pdf) -> Any:
    return pdf.pages[0].obj


CHANGES: dict[str, Callable[[pikepdf.Pdf], None]] = {
    "an annotation with another amount": _another_amount_over_the_page,
    "a signature field that covers text": _a_field_that_shows_something,
    "a link": _a_link,
    "a hidden layer": _a_hidden_layer,
    "a script when it is opened": lambda pdf: pdf.Root.__setattr__("OpenAction", _script()),
    "a named script": lambda pdf: pdf.Root.Names.__setattr__(
        "JavaScript", Dictionary(Names=Array([String("a"), _script()]))
    ),
    "an action of the file": lambda pdf: pdf.Root.__setattr__("AA", Dictionary(WC=_script())),
    "an action of a page": lambda pdf: _page(pdf).__setattr__("AA", Dictionary(O=_script())),
    "a form of XFA": lambda pdf: pdf.Root.__setattr__(
        "AcroForm", Dictionary(XFA=String("<x/>"), Fields=Array([]))
    ),
    "a page that is cropped": lambda pdf: _page(pdf).__setattr__("CropBox", Array([0, 0, 9, 9])),
    "a page that is turned": lambda pdf: _page(pdf).__setattr__("Rotate", 180),
    "all pages turned": lambda pdf: pdf.Root.Pages.__setattr__("Rotate", 180),
    "larger units": lambda pdf: _page(pdf).__setattr__("UserUnit", 5),
    "a collection of files": lambda pdf: pdf.Root.__setattr__("Collection", Dictionary()),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_part_that_no_statement_has_is_refused_though_a_manifest_lists_the_file(
    change: Callable[[pikepdf.Pdf], None],
) -> None:
    content = changed(FEW, change)
    report = verify(content, VerifyInputs(manifest=manifest((FEW, content))))
    assert "no statement has" in failed(report)["page"]


def test_the_signature_of_a_statement_is_no_foreign_part(signer: Signer) -> None:
    assert failed(verify(signer.sign(rendered(FEW).pdf).pdf, VerifyInputs())) == {}
