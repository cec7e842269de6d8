"""Build what is published, and see that it is whole.

python scripts/check_package.py FOLDER

The sdist is built from here and the wheel from the sdist, so that neither lacks what the other has. Their files have to
be those of the source folders, their metadata has to be valid, and in an environment with nothing but the wheel each
public module has to be imported without so much as a warning.
"""

import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from packaging.metadata import Metadata

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "scripts" / "requirements.lock"
PACKAGES = {
    "vox_calls": ROOT / "overlay" / "vox_calls",
    "vox_calls_tools": ROOT / "overlay" / "vox_calls_tools",
    "vox_calls_tools/sandbox/conformance": ROOT / "openapi" / "conformance",
    "vox_calls_raw": ROOT / "generated" / "vox_calls_raw",
}
FOLDERS = ("docs", "openapi", "generated", "overlay", "scripts", "tests", ".ci", ".github")
FILES = ("pyproject.toml", "Makefile", "LICENSE", ".pre-commit-config.yaml")  # and those for people, which end in .md
MADE_HERE = frozenset({"__pycache__", "node_modules", "build"})
"""Folders that tests leave behind, and git leaves alone."""
NEEDED = {"vox_calls/py.typed", "vox_calls_tools/py.typed", "vox_calls_raw/py.typed", "vox_calls_raw/contract.json"}

TOOLS = ("shared_rate_limit", "sandbox", "export", "stats", "drift")
PUBLIC = ("vox_calls", *(f"vox_calls_tools.{name}" for name in TOOLS))
"""The modules whose names are for users."""
NEED_EXTRAS = {"vox_calls_tools.sandbox"}
EXTRAS = "[cli,html,sandbox]"
IMPORT = """
import importlib, pathlib, sys
for name in sys.argv[1:]:
    module = importlib.import_module(name)
    assert pathlib.Path(module.__file__).is_relative_to(sys.prefix), module.__file__
    [getattr(module, public) for public in getattr(module, "__all__", ())]
"""


class PackageError(Exception):
    """What is built is not what is to be published; the message says where."""


def run(*command: str | Path, cwd: Path) -> str:
    """What a command prints.

    Raises:
        PackageError: With all that it said, where it fails.
    """
    done = subprocess.run(command, cwd=cwd, check=False, capture_output=True, text=True)
    if done.returncode:
        raise PackageError(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def build(folder: Path, aside: Path) -> tuple[Path, Path]:
    """The sdist and the wheel in the folder, which held none before."""
    for old in (*folder.glob("*.whl"), *folder.glob("*.tar.gz")):
        old.unlink()
    hatchling = (sys.executable, "-m", "hatchling", "build", "-d", folder, "-t")
    run(*hatchling, "sdist", cwd=ROOT)
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # which Python 3.11 has had since 3.11.4
        archive.extractall(aside)  # noqa: S202 - it was made here, a moment ago
    (unpacked,) = aside.iterdir()
    run(*hatchling, "wheel", cwd=unpacked)
    (wheel,) = folder.glob("*.whl")
    return sdist, wheel


def sources(folder: Path) -> set[PurePosixPath]:
    """The files of a source folder, by where they stand in it."""
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {PurePosixPath(file.as_posix()) for file in files if MADE_HERE.isdisjoint(file.parts)}


def compare(what: Path, inside: set[str], wanted: set[str]) -> None:
    """See that an archive has exactly these files.

    Raises:
        PackageError: Naming those that it lacks, and those that do not belong there.
    """
    lacks, strays = sorted(wanted - inside), sorted(inside - wanted)
    if lacks or strays:
        raise PackageError("\n".join([what.name, *(f"  lacks {n}" for n in lacks), *(f"  stray {n}" for n in strays)]))


def check_contents(sdist: Path, wheel: Path) -> None:
    """See that both have what the source folders have, and nothing else."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    wanted = {f"{package}/{file}" for package, at in PACKAGES.items() for file in sources(at)}
    compare(wheel, names, NEEDED | wanted)
    with tarfile.open(sdist) as archive:
        paths = (PurePosixPath(member.name) for member in archive.getmembers() if member.isfile())
        names = {"/".join(path.parts[1:]) for path in paths}
    wanted = {f"{folder}/{file}" for folder in FOLDERS for file in sources(ROOT / folder)}
    compare(sdist, names - {"PKG-INFO", ".gitignore"}, {*wanted, *FILES, *(path.name for path in ROOT.glob("*.md"))})


def check_metadata(wheel: Path) -> None:
    """See that an index would take the metadata, and that a reader of it finds what there is to find.

    Raises:
        PackageError: Naming what is missing.
        ExceptionGroup: Naming what is not valid.
    """
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Metadata.from_email(archive.read(name), validate=True)
    for field in ("summary", "description", "license_expression", "license_files", "keywords", "classifiers"):
        if not getattr(metadata, field):
            raise PackageError(f"{wheel.name} has no {field} in its metadata")
    if astray := re.findall(r"\]\((?!https://|#)[^)]*\)", metadata.description or ""):
        raise PackageError(f"{wheel.name} has links in its description that lead nowhere from an index: {astray}")
    if metadata.description_content_type != "text/markdown" or not {"Documentation", "Source", "Changelog"} <= set(
        metadata.project_urls or {}
    ):
        raise PackageError(f"{wheel.name} has no README in Markdown, or no URLs of documentation, source and changelog")


def check_installed(wheel: Path, aside: Path) -> None:
    """See that the wheel is all that its modules need, and with its extras all that the others need."""
    environment = aside / "environment"
    uv = (sys.executable, "-m", "uv", "--quiet")
    run(*uv, "venv", "--python", sys.executable, environment, cwd=aside)
    scripts = environment / ("Scripts" if sys.platform == "win32" else "bin")
    install = (*uv, "pip", "install", "--python", scripts / "python", "--constraint", LOCK)
    python = (scripts / "python", "-I", "-W", "error", "-c", IMPORT)
    run(*install, wheel, cwd=aside)
    for module in ("vox_calls_raw", *PUBLIC):
        if module not in NEED_EXTRAS:
            run(*python, module, cwd=aside)
    run(*install, f"{wheel}{EXTRAS}", cwd=aside)
    run(*python, *PUBLIC, "vox_calls_tools.cli.app", cwd=aside)
    run(scripts / "vox-calls", "--help", cwd=aside)


def main() -> int:
    """Build and check; 1 and what is wrong where something is."""
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as aside:
        try:
            sdist, wheel = build(folder, Path(aside) / "unpacked")
            check_contents(sdist, wheel)
            check_metadata(wheel)
            check_installed(wheel, Path(aside))
        except (PackageError, ExceptionGroup) as error:
            print(error, *getattr(error, "exceptions", ()), sep="\n", file=sys.stderr)
            return 1
    print(f"{sdist.name} and {wheel.name} are whole")
    return 0


if __name__ == "__main__":
    sys.exit(main())
