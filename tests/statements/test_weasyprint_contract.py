"""What Closebook relies on in WeasyPrint 70 and pydyf beyond their documented interfaces.

Each test names one private part. When an upgrade of WeasyPrint fails here, the name of the failed
test says which part has changed, and the test says which module of weasyprint_adapter uses it.
test_weasyprint_contract_of_documents.py tests a document that is laid out and drawn.
"""

import inspect
import logging
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import weasyprint
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from weasyprint.draw import text as draw_text
from weasyprint.layout import inline
from weasyprint.pdf import generate_pdf
from weasyprint.text import ffi as weasyprint_ffi
from weasyprint.text import line_break
from weasyprint.text.ffi import pango
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

from closebook.statements.library_versions import PYHANKO, WEASYPRINT, SupportedVersions
from closebook.statements.render.fonts import FONT_CONFIGURATION
from closebook.statements.weasyprint_adapter.versions import renderer_version
from tests.statements.rendered_pdf import ROOT, TEMPLATES

PLUGINS = ROOT / "plugins"


# ---- who may import it --------------------------------------------------------------------


def test_only_the_adapter_imports_weasyprint_or_pydyf() -> None:
    importers = {
        str(path.relative_to(PLUGINS).parent)
        for path in PLUGINS.rglob("*.py")
        if re.search(
            r"^\s*(import|from) (weasyprint|pydyf)\b", path.read_text("utf-8"), re.MULTILINE
        )
    }
    assert importers == {"closebook/statements/weasyprint_adapter"}


# ---- versions -----------------------------------------------------------------------------


@pytest.mark.parametrize("supported", [WEASYPRINT, PYHANKO], ids=["weasyprint", "pyhanko"])
def test_requirements_have_the_range_of_versions_that_the_code_checks(
    supported: SupportedVersions,
) -> None:
    lines = (ROOT / "requirements.in").read_text(encoding="utf-8").splitlines()
    required = [Requirement(line.partition("#")[0].strip()) for line in lines if line[:1] != "#"]
    (requirement,) = [line for line in required if line.name == supported.package]
    assert requirement.specifier == SpecifierSet(supported.versions)


@pytest.mark.parametrize("version", ["69.0", "71.0"])
def test_a_version_of_weasyprint_that_is_not_supported_is_refused_in_words(
    version: str, tmp_path: Path
) -> None:
    # Given a machine on which another version of WeasyPrint is installed
    metadata = tmp_path / f"weasyprint-{version}.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: weasyprint\nVersion: {version}\n")
    # When the renderer starts
    program = (
        "from closebook.errors import Misconfigured\n"
        "from closebook.statements.render.document import warm_up\n"
        "try:\n    warm_up()\nexcept Misconfigured as error:\n    print(error)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT / 'plugins'}"},
        capture_output=True,
        text=True,
        check=True,
    )
    # Then the error says which version is needed, which is installed, and what to do
    assert "Closebook needs weasyprint>=70,<71" in ran.stdout
    assert f"weasyprint {version} is installed" in ran.stdout
    assert "pip install -r requirements.txt" in ran.stdout


def test_a_package_that_is_not_installed_is_named() -> None:
    missing = SupportedVersions("closebook-no-such-package", ">=1", "it is for a test")
    with pytest.raises(Exception, match="needs closebook-no-such-package>=1, and it is not inst"):
        missing.check_installed()


# ---- weasyprint_adapter/versions.py, color_profile.py ------------------------------------


def test_text_ffi_gives_the_versions_of_pango_and_harfbuzz() -> None:
    assert pango.pango_version() > 10_000
    # WeasyPrint does not declare this function, so versions.py declares it.
    assert "hb_version_string" not in inspect.getsource(weasyprint_ffi)
    assert re.search(r"pango \d+\.\d+\.\d+, harfbuzz \d+\.\d+\.\d+, ", renderer_version())


# ---- weasyprint_adapter/page_layout.py ---------------------------------------------------


def test_html_has_the_attributes_that_the_xml_page_sets() -> None:
    html = weasyprint.HTML(string="<p>text</p>", base_url="asset:")
    assert set(vars(html)) == {
        *("base_url", "url_fetcher", "media_type", "wrapper_element", "etree_element"),
    }
    assert html.media_type == "print"
    assert html.wrapper_element.etree_element is html.etree_element


def test_html_ua_stylesheets_gives_the_styles_of_elements() -> None:
    class WithoutStyles(weasyprint.HTML):  # type: ignore[misc]
        def _ua_stylesheets(self, forms: bool = False) -> list[Any]:
            return [weasyprint.CSS(string="p { display: none }")]

    assert list(inspect.signature(weasyprint.HTML._ua_stylesheets).parameters) == ["self", "forms"]
    (page,) = WithoutStyles(string="<p>text</p>").render().pages
    assert [box for box in page._page_box.descendants() if box.element_tag == "p"] == []


def test_font_configuration_reads_fontconfig_file_when_it_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FONTCONFIG_FILE", str(TEMPLATES / "statement" / "v1" / FONT_CONFIGURATION))
    configuration = FontConfiguration()
    monkeypatch.delenv("FONTCONFIG_FILE")
    page = weasyprint.HTML(string="<p style='font-family: DejaVu Sans'>text</p>")
    document = page.render(font_config=configuration)
    generate_pdf(document, None, 1, **weasyprint.DEFAULT_OPTIONS)
    # DejaVu Sans is installed, and fonts.conf does not accept it.
    families = {font.family for font in document.fonts.values()}
    assert families
    assert all(family.startswith("Noto") for family in families), families


def test_fatal_url_fetching_error_ends_a_document() -> None:
    class DenyAll(URLFetcher):  # type: ignore[misc]
        def fetch(self, url: str, headers: object = None) -> URLFetcherResponse:
            raise FatalURLFetchingError("denied")

    page = weasyprint.HTML(string='<img src="http://192.0.2.1/"/>', url_fetcher=DenyAll())
    with pytest.raises(FatalURLFetchingError, match="denied"):
        page.render()


def test_the_logger_of_progress_is_called_weasyprint_progress(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, "weasyprint.progress"):
        weasyprint.HTML(string="<p>text</p>").render()
    assert "Step 1" in caplog.text


# ---- weasyprint_adapter/shaping_cache.py -------------------------------------------------


def test_line_break_layout_is_looked_up_in_its_module_for_each_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = []

    class Counted(line_break.Layout):  # type: ignore[misc]
        def __init__(self, *arguments: Any) -> None:
            made.append(self)
            super().__init__(*arguments)

    monkeypatch.setattr(line_break, "Layout", Counted)
    weasyprint.HTML(string="<p>text</p>").render()
    assert made


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("set_text", ["self", "text", "justify"]),
        ("deactivate", ["self"]),
        ("reactivate", ["self", "style"]),
    ],
)
def test_the_methods_of_line_break_layout_that_are_overridden(
    method: str, parameters: list[str]
) -> None:
    assert list(inspect.signature(getattr(line_break.Layout, method)).parameters) == parameters


def test_a_layout_knows_its_justification_spacing() -> None:
    parameters = inspect.signature(line_break.Layout).parameters
    assert parameters["justification_spacing"].default == 0


@pytest.mark.parametrize(
    ("module", "name"), [(line_break, "get_font_description"), (inline, "strut")]
)
def test_font_descriptions_and_struts_depend_on_the_style_alone(module: Any, name: str) -> None:
    assert list(inspect.signature(getattr(module, name)).parameters) == ["style"]


def test_a_text_is_drawn_in_single_paragraph_mode() -> None:
    assert "pango_layout_set_single_paragraph_mode" in inspect.getsource(draw_text)


def test_the_line_breaker_has_the_arguments_and_the_result_that_are_bounded() -> None:
    """line_breaking.py replaces inline.split_first_line, and reads the third item of its result."""
    parameters = list(inspect.signature(inline.split_first_line).parameters)
    assert parameters[:5] == ["text", "style", "context", "max_width", "justification_spacing"]
    assert "split_first_line(" in inspect.getsource(inline.split_text_box)
    assert "resume_index" in inspect.getsource(inline.split_text_box)
