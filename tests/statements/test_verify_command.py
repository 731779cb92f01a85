"""The command `closebook verify`: its output, its exit codes, and what it loads."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from closebook.errors import Misconfigured
from closebook.statements.manifest_document import ManifestDocument
from closebook.statements.signing.signer import Signer
from closebook.statements.verify.verification import VerifyInputs, verify
from tests.markdown import VERIFY, blocks, commands, first_column, text
from tests.statements.certificates import identity
from tests.statements.rendered_pdf import ROOT, rendered
from tests.statements.samples import IN_PARTS, many
from tests.statements.verify_samples import BEFORE, FEW, manifest, register

FINE, FAILED, UNUSABLE, NOT_COMPARED, _, NOT_PROVEN = range(6)


@dataclass(frozen=True)
class Files:
    folder: Path

    def put(self, name: str, content: bytes) -> str:
        (self.folder / name).write_bytes(content)
        return str(self.folder / name)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def run(*arguments: str, program: Sequence[str] = ("-m", "closebook")) -> tuple[int, str, str]:
    ran = subprocess.run(
        [sys.executable, *program, "verify", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT / "plugins")},
        check=False,
        capture_output=True,
        text=True,
    )
    return ran.returncode, ran.stdout, ran.stderr


def test_the_command_prints_its_findings_and_ends_with_an_exit_code_for_each_result(
    files: Files,
) -> None:
    pdf = rendered(FEW).pdf
    good = files.put("good.pdf", pdf)
    cut = files.put("cut.pdf", pdf[:-1000])
    listed = files.put("manifest.json", register((FEW, pdf)))
    before = files.put("before.pdf", rendered(BEFORE).pdf)
    hash_of = sha256(register((FEW, pdf))).hexdigest()
    code, said, complaint = run(
        good, "--manifest", listed, "--previous", before, "--manifest-sha256", hash_of
    )
    assert (code, complaint) == (FINE, "")
    assert said.splitlines()[0] == (
        "the statement of account NG29 0001 7743 2210 in EUR, 2026-10-01 to 2026-10-31"
    )
    assert said.splitlines()[-1] == "Verified: this is the file that was issued."
    code, said, _ = run(good, "--manifest", listed)
    assert code == NOT_PROVEN
    assert "the manifest itself is unproven" in said
    assert f"manifest sha256 {hash_of}" in said
    code, said, _ = run(good)
    assert code == NOT_COMPARED
    assert "NOT CHECKED  manifest" in said
    code, said, _ = run(cut, "--manifest", listed)
    assert code == FAILED
    assert "FAILED       file" in said


def test_the_examples_of_its_page_run(files: Files, signer: Signer) -> None:
    signed = signer.sign(rendered(FEW).pdf).pdf
    listed = manifest((FEW, signed), signer=signer)
    month = ManifestDocument.read(listed)
    proof = month.proof(FEW.account_id, FEW.currency)
    assert proof is not None
    assert month.head is not None
    for name, content in {
        "statement.pdf": signed,
        "statement.proof.json": proof,
        "manifest.json": listed,
        "september.pdf": rendered(BEFORE).pdf,
        "authority.pem": identity().authority_pem,
    }.items():
        files.put(name, content)
    below = text(VERIFY)
    assert len(commands(below)) == 3
    # The last one is that of the first example
    for command in reversed(commands(below)):
        given = command.removeprefix("closebook verify ").replace("3b5d…", month.head.root).split()
        code, said, _ = run(
            *(str(files.folder / it) if re.search(r"\.\w+$", it) else it for it in given)
        )
        assert code == FINE, said
    assert first_column(below) == [
        str(code) for code in (FINE, FAILED, UNUSABLE, NOT_COMPARED, NOT_PROVEN)
    ]
    (shown,) = blocks(below, "text")
    # The page leaves out what is long, and a signature's length varies.
    pattern = re.escape(shown).replace("…", ".*")
    assert re.fullmatch(re.sub(r"\d+,\d+\\ bytes", r"[\\d,]+\\ bytes", pattern), said), said
    checks = re.findall(r"^OK +(\w+)", said, re.MULTILINE)
    assert re.findall(r"^\| (\w+) \| [A-Z]", below, re.MULTILINE) == checks


@pytest.mark.parametrize(
    "arguments",
    [
        ["nowhere.pdf"],
        ["good.pdf", "--manifest", "nowhere.json"],
        ["good.pdf", "--manifest", "good.pdf"],
        ["good.pdf", "--manifest", "empty.json"],
        ["good.pdf", "--manifest", "deep.json"],
        ["good.pdf", "--previous", "nowhere.pdf"],
        ["good.pdf", "--trust", "empty.json"],
        ["good.pdf", "--nonsense"],
        ["good.pdf", "--root", "0123"],
        ["good.pdf", "--manifest-sha256", "z" * 64],
        ["--proof", "nowhere.json"],
        [],
    ],
)
def test_an_argument_that_cannot_be_used_is_named(arguments: list[str], files: Files) -> None:
    files.put("good.pdf", rendered(FEW).pdf)
    files.put("empty.json", b"{}")
    files.put("deep.json", b"[" * 1_000_000)
    code, said, complaint = run(
        *(str(files.folder / it) if it.endswith((".pdf", ".json")) else it for it in arguments)
    )
    assert (code, said) == (UNUSABLE, "")
    assert "closebook" in complaint
    assert "Traceback" not in complaint


def test_a_file_that_exceeds_the_limits_is_refused(files: Files) -> None:
    # Given a limit that no statement keeps within
    program = """
import sys
from closebook.statements.verify import verification
from closebook.statements.bounded_process import Limits
verification.limits_for = lambda *_: Limits(cpu_seconds=1, memory_bytes=1024**2)
from closebook.cli import main
sys.exit(main(sys.argv[1:]))
"""
    pdf = files.put("long.pdf", rendered(many(IN_PARTS)).pdf)
    code, said, _ = run(pdf, program=("-c", program))
    assert code == FAILED
    # pypdf takes zlib's shortage of memory for a stream that is too long.
    assert re.search("more (time or )?memory than any statement|too large when it is decompr", said)


OFFLINE = """
import socket, sys
def no_network(event, arguments):
    is_local = event == "socket.__new__" and arguments[1] == socket.AF_UNIX
    if event.startswith("socket.") and not is_local:
        raise RuntimeError(f"{event} {arguments}")
sys.addaudithook(no_network)
"""


def test_the_command_opens_no_connection(files: Files, signer: Signer) -> None:
    signed = files.put("signed.pdf", signer.sign(rendered(FEW).pdf).pdf)
    trust = files.put("trust.pem", identity().authority_pem)
    program = OFFLINE + "from closebook.__main__ import main; sys.exit(main(sys.argv[1:]))"
    code, said, _ = run(signed, "--trust", trust, program=("-c", program))
    assert code == NOT_COMPARED, said
    # And the guard would notice: asyncio's own pair of pipes is all that it lets pass
    code, _, complaint = run(program=("-c", OFFLINE + "socket.create_connection(('127.0.0.1', 9))"))
    assert code == 1
    assert "socket.getaddrinfo" in complaint or "socket.connect" in complaint


def test_verifying_loads_neither_airflow_nor_a_driver_nor_the_renderer(files: Files) -> None:
    program = """
import sys
from pathlib import Path
from closebook.statements.verify.verification import VerifyInputs, verify
import closebook.cli
assert not verify(Path(sys.argv[2]).read_bytes(), VerifyInputs()).has_failed
heavy = {"airflow", "psycopg", "weasyprint", "jinja2", "pyhanko", "redis", "lxml"}
print(*heavy & set(sys.modules))
"""
    pdf = files.put("good.pdf", rendered(FEW).pdf)
    assert run(pdf, program=("-c", program)) == (0, "\n", "")


def test_the_package_installs_as_a_command(files: Files) -> None:
    # Given the package, installed without what it depends on, which is here
    place = files.folder / "installed"
    subprocess.run(
        [
            *(ROOT / ".local" / "uv" / "bin" / "uv", "pip", "install", "--quiet", "--no-deps"),
            *("--python", sys.executable, "--target", place, ROOT),
        ],
        check=True,
    )
    pdf = rendered(FEW).pdf
    good = files.put("good.pdf", pdf)
    listed = files.put("manifest.json", register((FEW, pdf)))
    # When its command is run
    ran = subprocess.run(
        [
            *(place / "bin" / "closebook", "verify", good, "--manifest", listed),
            *("--manifest-sha256", sha256(register((FEW, pdf))).hexdigest()),
        ],
        env=os.environ | {"PYTHONPATH": str(place)},
        check=False,
        capture_output=True,
        text=True,
    )
    # Then it verifies
    assert ran.returncode == FINE, ran.stderr
    assert ran.stdout.endswith("Verified: this is the file that was issued.\n")


def test_the_dependencies_of_the_package_are_in_the_requirements() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    lines = (ROOT / "requirements.in").read_text(encoding="utf-8").splitlines()
    required = {Requirement(line.partition("#")[0]).name for line in lines if line[:1] != "#"}
    assert {Requirement(text).name for text in wanted} <= required


def test_a_register_that_is_not_a_manifest_is_a_wrong_argument() -> None:
    with pytest.raises(Misconfigured, match="is no manifest of a month"):
        verify(
            rendered(FEW).pdf, VerifyInputs(manifest=b'{"month": "2026-10", "statements": [{}]}')
        )
