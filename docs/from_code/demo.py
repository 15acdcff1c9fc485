"""The demo's real reports: made once, and copied into the site."""

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_SUFFIXES = (".html", ".svg", ".tsv", ".json", ".bib", ".toml", ".npz", ".gz")


@cache
def find_demo() -> Path:
    """Find the output of `bidsml demo` that the site shows; made where it is missing or older than the code.

    ``BIDSML_DOCS_DEMO`` names the folder of a demo that was made elsewhere.
    """
    given = os.environ.get("BIDSML_DOCS_DEMO")
    folder = Path(given) if given else _ROOT / "build" / "docs-demo"
    made = folder / "derivatives" / "group" / "demo" / "summary.json"
    newest = max(path.stat().st_mtime for path in (_ROOT / "bidsml").rglob("*.py"))
    if not given and (not made.is_file() or made.stat().st_mtime < newest):
        command = [sys.executable, "-m", "bidsml", "demo", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return folder / "derivatives"


def list_reports(derivatives: Path, *, suffixes: tuple[str, ...] = _SUFFIXES) -> Iterator[tuple[str, Path]]:
    """Every page of the demo, and what the pages lead to: its place in the site, and the file."""
    group = sorted((derivatives / "group" / "demo").rglob("*"))
    citations = sorted((derivatives / "logs").glob("CITATION_*"))
    for path in (*sorted(derivatives.glob("*.html")), *group, *citations):
        if path.suffix not in suffixes:
            continue
        yield f"demo/{path.relative_to(derivatives).as_posix()}", path
