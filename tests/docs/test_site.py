"""The site as it is built: without a warning, and without asking anything of a network."""

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).resolve().parents[2]
WIDE, NARROW = 1400, 400


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """Build it as `make docs` does, into a folder of its own."""
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(out)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return out


@pytest.mark.slow
def test_drawings_stand_in_their_pages(site):
    page = (site / "statistics.html").read_text(encoding="utf-8")
    assert page.count('class="adapts" role="img"') == 8
    assert not re.search(r'<img[^>]*src="[^"]*\.svg"', page)


@pytest.mark.slow
def test_the_demo_s_reports_travel_with_the_site(site):
    assert "Better than chance" in (site / "demo" / "group-demo.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_no_link_between_the_pages_leads_nowhere(site):
    """Also of the demo's reports, into which MkDocs does not look."""
    dead = set()
    for page in site.rglob("*.html"):
        if page.name == "404.html":  # its addresses are those of a server
            continue
        goals = re.findall(r'(?:href|src)="(?!https?:|#|mailto:|data:)([^"#?]+)', page.read_text(encoding="utf-8"))
        dead |= {(page.name, goal) for goal in goals if not (page.parent / unquote(goal)).exists()}
    assert dead == set()


@pytest.mark.slow
def test_every_file_of_an_analysis_is_on_the_page_of_outputs(site):
    page = (ROOT / "docs" / "outputs.md").read_text(encoding="utf-8")
    group = site / "demo" / "group" / "demo"
    there = {path.relative_to(group).parts[0] for path in group.rglob("*") if path.is_file()}
    tables = {name.removesuffix(".tsv") for name in there if name.endswith(".tsv")}
    told = {name for name in there if f"`{name}" in page} | {f"{table}.json" for table in tables}
    assert {name for name in there - told if not name.startswith("weights_")} == set()


@pytest.mark.slow
def test_no_page_names_an_address_to_load_from(site):
    loading = re.compile(r'<(?:script|link|img|iframe|source)\b[^>]*\b(?:src|href)="(https?:)?//', re.IGNORECASE)
    canonical = re.compile(r'<link rel="canonical"[^>]*>')
    for page in site.rglob("*.html"):
        assert not loading.search(canonical.sub("", page.read_text(encoding="utf-8"))), page


@pytest.fixture(scope="session")
def browser():
    """The system's Chromium, which may ask for files only."""
    import shutil

    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    where = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if where is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=where, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture
def visit(site, browser):
    """Open a page from a disk, without a network; what it asks for and complains of is written down."""
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.set_default_timeout(120_000)
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))

    def open_page(name, *, width=WIDE):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto((site / name).as_uri())
        return page

    yield open_page
    context.close()
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:", "about:"))] == []
    assert complaints == []


@pytest.mark.slow
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_pages_ask_for_nothing_and_fit_the_window(site, visit, width):
    pages = [path.relative_to(site) for path in site.rglob("*.html") if path.name != "404.html"]
    # Of the demo's participants one stands for all.
    for name in sorted(path for path in pages if not re.fullmatch(r"sub-(?!01).*", path.name)):
        page = visit(name, width=width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name


@pytest.mark.slow
def test_the_search_works_from_a_disk(visit):
    page = visit("index.html")
    page.locator(".md-search__input").click()
    page.locator(".md-search__input").type("Nadeau", delay=30)
    page.wait_for_selector(".md-search-result__item a")
    assert "statistics.html" in page.locator(".md-search-result__item a").first.get_attribute("href")
