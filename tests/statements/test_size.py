"""A statement's file is small, and what was taken out of it changes nothing that a reader sees."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from io import BytesIO
from pathlib import Path
from random import Random
from statistics import median

import pikepdf
import pypdfium2
import pytest
from fontTools.ttLib import TTFont
from PIL import Image, ImageChops, ImageCms

from closebook.statements.model import Holder, Statement
from closebook.statements.pdf import assembler
from closebook.statements.render.document import render
from closebook.statements.weasyprint_adapter import font_subset
from closebook.statements.weasyprint_adapter.color_profile import srgb_profile
from local.sample_names import REGIONS, Region
from local.sample_people import account_number, address, full_name
from tests.statements.rendered_pdf import rendered
from tests.statements.samples import entry, kinds, many, of, statement

DPI = 144
_MOST_SEAMS = 20
_PEOPLE, _SHOPS = 21, 50
_READERS = (
    ["pdftotext", "FILE", "-"],
    ["mutool", "draw", "-q", "-F", "text", "FILE"],
    ["qpdf", "--check", "FILE"],
)


@cache
def german() -> Statement:
    return replace(many(60), holder=of("de_DE"))


def statements_like_those_of_the_demo() -> Iterator[Statement]:
    """Statements of the sample platform's people: two users for each merchant.

    Users have 20 to 30 lines, with shops of all countries, and merchants have 66.
    """
    random = Random(7)  # noqa: S311  # a test must be the same again
    regions = random.choices(REGIONS, [each.share for each in REGIONS], k=_PEOPLE + _SHOPS)
    shops = [shop(random, each) for each in regions[_PEOPLE:]]
    popularity = [1 / rank for rank in range(3, _SHOPS + 3)]
    for number, region in enumerate(regions[:_PEOPLE]):
        is_user = number % 3 < 2
        if is_user:
            count = random.randrange(18, 28)
            lines = [entry(300_000, "Top-up")]
            lines += [
                entry(
                    -random.randrange(100, 20_000),
                    counterparty=random.choices(shops, popularity)[0],
                    day=1 + index * 30 // count,
                )
                for index in range(count)
            ]
            lines.append(entry(-190, "Account fee", kind="fee", day=31))
        else:
            lines = []
            for day in range(1, 32):
                lines.append(
                    entry(random.randrange(10_000, 900_000), "Payments of the day", day=day)
                )
                lines.append(entry(-random.randrange(100, 20_000), "Fees", kind="fee", day=day))
                if day % 7 == 0:
                    lines.append(entry(-random.randrange(100_000, 400_000), "Payout", day=day))
        name = full_name(random, region) if is_user else shop(random, region)
        account = account_number(region.country, number)
        holder = Holder(name, address(random, region), account, region.locale_code)
        yield statement(*lines, currency=region.currency, holder=holder)


def shop(random: Random, region: Region) -> str:
    return region.shop.format(
        family=random.choice(region.family), trade=random.choice(region.trades)
    )


def pictures(pdf: bytes) -> list[Image.Image]:
    return [
        page.render(scale=DPI / 72).to_pil().convert("RGB") for page in pypdfium2.PdfDocument(pdf)
    ]


def true_type_fonts(pdf: bytes) -> Iterator[bytes]:
    with pikepdf.open(BytesIO(pdf)) as opened:
        for each in opened.objects:
            if isinstance(each, pikepdf.Dictionary) and "/FontFile2" in each:
                yield each.FontFile2.read_bytes()


@pytest.mark.parametrize(
    ("made", "most_bytes"), [(many(60), 40_000), (kinds()["one line"], 24_000)]
)
def test_a_file_is_small(made: Statement, most_bytes: int) -> None:
    assert len(rendered(made).pdf) < most_bytes
    assert len(rendered(german()).pdf) < 40_000


def test_half_of_the_statements_of_the_demo_are_smaller_than_40_kilobytes() -> None:
    sizes = [len(rendered(each).pdf) for each in statements_like_those_of_the_demo()]

    assert median(sizes) < 40_000


def test_joined_lines_are_drawn_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    joined = render(german()).pdf
    monkeypatch.setattr(assembler, "join_lines", lambda part: None)
    apart = render(german()).pdf

    assert len(joined) < len(apart) - 2_000
    for page, before in zip(pictures(joined), pictures(apart), strict=True):
        difference = ImageChops.difference(page, before)
        # Between two cells a viewer drew a seam of a part of a pixel.
        seams = sum(difference.convert("L").histogram()[32:])
        assert seams < _MOST_SEAMS, difference.getbbox()


def test_fonts_without_needless_tables_are_drawn_as_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small = render(german()).pdf
    monkeypatch.setattr(font_subset, "with_needed_tables", lambda content, codes: content)
    large = render(german()).pdf

    assert len(small) < len(large) - 1_000
    for page, before in zip(pictures(small), pictures(large), strict=True):
        assert ImageChops.difference(page, before).getbbox() is None
    fonts = list(true_type_fonts(small))
    assert fonts
    for content in fonts:
        font = TTFont(BytesIO(content), checkChecksums=2)
        assert {"name", "OS/2", "post", "GDEF", "gasp"}.isdisjoint(font.keys())
        font["glyf"], font["hmtx"], font["cmap"]


def test_the_profile_has_the_colours_of_srgb() -> None:
    ours = ImageCms.ImageCmsProfile(BytesIO(srgb_profile()))
    theirs = ImageCms.createProfile("sRGB")
    ramp = Image.new("RGB", (256, 3))
    for level in range(256):
        ramp.putpixel((level, 0), (level, level, level))
        ramp.putpixel((level, 1), (level, 255 - level, 128))
        ramp.putpixel((level, 2), (0, level, 255))
    made = ImageCms.profileToProfile(
        ramp, ours, theirs, renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC
    )
    assert made is not None
    assert not any(ImageChops.difference(ramp, made).convert("L").histogram()[2:])
    assert len(srgb_profile()) < 700


@pytest.mark.parametrize("reader", _READERS, ids=lambda command: command[0])
def test_other_readers_open_it_without_a_complaint(reader: list[str], tmp_path: Path) -> None:
    path = tmp_path / "statement.pdf"
    path.write_bytes(rendered(german()).pdf)
    command = [str(path) if each == "FILE" else each for each in reader]
    ran = subprocess.run(command, capture_output=True, check=True)
    # Debian's mutool was built without colour profiles, and says so.
    assert b"ICC" in ran.stderr or ran.stderr == b""
    if reader[0] != "qpdf":
        assert b"Merchant 60" in ran.stdout
