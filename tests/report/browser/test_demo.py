"""The pages of the demo, as a newcomer gets them: whole, quiet, and every link leads somewhere."""

from pathlib import Path
from urllib.parse import unquote

import lxml.html
import pytest

from bidsml.cli import main

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def demo(tmp_path_factory, chromium) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    assert main(["demo", str(folder / "demo")]) == 0
    return folder / "demo" / "derivatives"


def test_every_link_of_every_page_leads_to_a_file(demo: Path) -> None:
    pages = sorted(demo.glob("*.html"))
    assert {"group-demo.html", "sub-01.html"} <= {page.name for page in pages}
    for page in pages:
        for href in lxml.html.parse(str(page)).xpath("//a/@href"):
            if not href.startswith(("#", "https://")):
                assert (demo / unquote(href.partition("#")[0])).exists(), (page.name, href)


@pytest.mark.parametrize("name", ["group-demo.html", "sub-01.html", "index.html"])
def test_a_page_of_the_demo_is_quiet_and_open_to_all(name: str, demo: Path, open_page, barriers) -> None:
    assert (demo / name).stat().st_size <= 15e6
    visit = open_page(demo / name)
    visit.unfold()
    for width, scheme in ((1400, "light"), (400, "dark")):
        page = visit.look(width=width, scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert barriers(page) == [], (width, scheme)
    assert visit.complaints == []
    assert [url for url in visit.requests[1:] if not url.startswith("data:")] == []
