"""Take the pictures of the demo's report that the pages show, with Chromium: ``python docs/figures/screenshots.py``.

They are kept as WebP under docs/assets/shots, since the site is built where no browser is.
"""

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

DOCS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(DOCS))
from from_code.demo import find_demo  # noqa: E402 - only now to be found

SHOTS = {
    "answer": ("group-demo.html", "#answer"),
    "leakage": ("group-demo.html", "#leakage"),
    "baselines": ("group-demo.html", "#baselines"),
    "weights": ("group-demo.html", "#weights"),
    "checklist": ("group-demo.html", "#checklist"),
    "motion": ("sub-01.html", "#motion"),
    "participants": ("index.html", "#participants"),
}
"""Name of each picture: the page, and the part of it."""

_MOST_PX = 760  # of height: a part that is longer is cut off, not made smaller


def main() -> None:
    """Take them all, or those that are named."""
    derivatives = find_demo()
    out = DOCS / "assets" / "shots"
    out.mkdir(exist_ok=True)
    where = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=where, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 900, "height": 1000}, device_scale_factor=1.5)
        page.set_default_timeout(180_000)
        for name in sys.argv[1:] or SHOTS:
            file, part = SHOTS[name]
            page.goto((derivatives / file).as_uri())
            _take(page, part).save(out / f"{name}.webp", quality=82, method=6)
        browser.close()


def _take(page: Page, part: str) -> Image.Image:
    place = page.locator(part).bounding_box()
    if place is None:
        raise RuntimeError(f"{page.url} has no part {part} to be seen")
    place["height"] = min(place["height"], _MOST_PX)
    return Image.open(io.BytesIO(page.screenshot(full_page=True, clip=place, animations="disabled")))


if __name__ == "__main__":
    main()
