"""A browser that writes down what a page asks for and complains of."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest
from scipy.ndimage import zoom

from bidsml import report
from bidsml.records import AnalysisEntry, AnalysisSummary, Dataset, Failure, Overview, ParticipantEntry

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WIDE, NARROW = 1400, 400
Scheme = Literal["light", "dark"]


@dataclass
class Visit:
    """An opened page, and what went wrong or out of it so far."""

    page: "Page"
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def look(self, *, width: int = WIDE, scheme: Scheme = "light") -> "Page":
        """Give the page as one with such a window and such a taste sees it."""
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.emulate_media(color_scheme=scheme)
        return self.page

    def unfold(self) -> None:
        """Open everything that is folded, so that a check sees it."""
        self.page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")


@pytest.fixture(scope="session")
def chromium() -> Iterator["Browser"]:
    """The system's Chromium; skips the test where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    where = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if where is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as started:
        # A container's root has no sandbox; these pages are our own.
        browser = started.chromium.launch(executable_path=where, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def open_page(chromium: "Browser") -> Iterator[Callable[[Path], Visit]]:
    """Open a file as a reader does, from ``file://``; each visit is a fresh reader."""
    contexts = []

    def visit(path: Path, *, scripts: bool = True, goal: str = "") -> Visit:
        context = chromium.new_context(accept_downloads=True, java_script_enabled=scripts)
        contexts.append(context)
        made = Visit(context.new_page())
        made.page.on("console", lambda said: said.type == "error" and made.complaints.append(said.text))
        made.page.on("pageerror", lambda error: made.complaints.append(str(error)))
        made.page.on("request", lambda request: made.requests.append(request.url))
        made.page.goto(path.as_uri() + goal)
        return made

    yield visit
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def barriers() -> Callable[["Page"], list[str]]:
    """What axe-core counts as a serious or critical barrier on a page as it stands."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed").Axe()

    def find(page: "Page") -> list[str]:
        # Rows of a table are alike, and a picture is read by its label alone; thousands of parts would take minutes.
        page.evaluate("document.querySelectorAll('tbody tr:nth-child(n + 4)').forEach((row) => row.remove())")
        page.evaluate("document.querySelectorAll('svg[role=img]').forEach((drawing) => drawing.replaceChildren())")
        found = axe.run(page).response["violations"]
        return [
            f"{violation['id']}: {node['html'][:200]}"
            for violation in found
            if violation["impact"] in ("serious", "critical")
            for node in violation["nodes"]
        ]

    return find


@pytest.fixture(scope="session")
def page_file(request, tmp_path_factory) -> Callable[[str], Path]:
    """Make the file of a kind of page, once."""
    folder = tmp_path_factory.mktemp("pages")

    def make(kind: str) -> Path:
        path = folder / f"{kind}.html"
        if not path.exists():
            path.write_text(_render(kind, request.getfixturevalue), encoding="utf-8")
        return path

    return make


def _render(kind: str, fixture: Callable[[str], Any]) -> str:
    if kind == "index":
        return report.render_dataset(make_dataset(12)).html
    if kind == "large":
        return report.render_group(fixture("simulate")(n=2000, repeats=5)).html
    if kind == "large-index":
        return report.render_dataset(make_dataset(2000)).html
    if kind == "participant":
        return report.render_participant(fixture("simulate_participant")()).html
    if kind == "raw":
        return report.render_participant(fixture("raw_participant")).html
    return report.render_group(fixture(kind)).html


def make_dataset(n: int) -> Dataset:
    """Simulate what the page of an output folder shows: ``n`` people, half of them with a picture, one failed."""
    rng = np.random.default_rng(4)
    # Smooth, as a slice of a brain is: noise would not be packed at all.
    slices = [zoom(rng.integers(0, 255, (16, 14)), 4, order=1).astype(np.uint8) for _ in range(n)]
    people = [
        ParticipantEntry(
            f"{i:04d}", "demo", "done", f"sub-{i:04d}.html", float(rng.gamma(2, 0.1)), 6.5, 0.99, "pass",
            overview=Overview(tuple(rng.gamma(2, 0.1, 48)), slices[i] if i % 2 else np.empty((0, 0), np.uint8)),
        )
        for i in range(n)
    ]  # fmt: skip
    people[1] = replace(people[1], standing="failed", verdict="")
    figures = ("AUC", 0.81, 0.7, 0.92, 0.005, 0.005)
    summary = AnalysisSummary("demo", "diagnosis", "classification", n, *figures, "yes", "Better than chance", "good")
    failure = Failure(
        "sub-0001", "demo", "the file is cut off", "get it again", ("bidsml", "BIDS_DIR"), "sub-0001.html"
    )
    entry = AnalysisEntry("demo", "done", summary, "group-demo.html", {"all figures": "group/demo/performance.tsv"})
    return Dataset("simulated", "0.1", tuple(people), (entry,), (failure,))
