"""What the documents point at is there: links, pictures, files."""

import re
from pathlib import Path

import pytest

from local import REPOSITORY
from tests.markdown import DOCUMENTS, text

# A changelog also names the files that are gone.
OF_NOW = [document for document in DOCUMENTS if document.name != "CHANGELOG.md"]


def path_of(document: Path) -> str:
    return str(document.relative_to(REPOSITORY))


@pytest.mark.parametrize("document", DOCUMENTS, ids=path_of)
def test_every_link_and_picture_leads_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"", text(document))
    for target in (link or picture for link, picture in targets):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        found = (document.parent / path).resolve() if path else document
        assert found.is_file(), target
        if anchor:
            assert anchor in anchors(found), target


def anchors(document: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", text(document), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", OF_NOW, ids=path_of)
def test_every_file_that_is_named_exists(document: Path) -> None:
    named = re.findall(
        r"(?<![\w/])(?:sql|plugins|dags|local|tests)/[\w/.]+\.(?:sql|py|sh)", text(document)
    )
    assert [path for path in named if not (REPOSITORY / path).is_file()] == []
