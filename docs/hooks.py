"""What the documentation's build adds to the pages of this folder: pages from the code, reports, and drawings in place.

MkDocs calls the ``on_…`` functions (see ``hooks`` in mkdocs.yml).
"""

import posixpath
import shutil
import sys
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS))

from from_code import PAGES, expand, find_demo, list_reports, put_columns_in_place, put_drawings_in_place  # noqa: E402 - only now to be found


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made from the code and the demo's reports; let the navigation's patterns find theirs."""
    for name, write in PAGES.items():
        files.append(File.generated(config, name, content=write()))
    for name, path in list_reports(find_demo()):
        files.append(File.generated(config, name, abs_src_path=str(path)))
    pages = {file.src_uri: file.content_string for file in files.documentation_pages()}
    config.nav = expand(config.nav, pages)
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the columns of the demo's tables where a page asks for them."""
    return put_columns_in_place(markdown, derivatives=find_demo())


def on_page_content(html: str, page: Any, files: Files, **_: Any) -> str:
    """Put drawings into the page itself, where they take its colours and their words can be read and searched."""

    def read(address: str) -> str:
        found = files.get_file_from_path(
            posixpath.normpath(posixpath.join(posixpath.dirname(page.file.src_uri), address))
        )
        if found is None:
            raise PluginError(f"{page.file.src_uri} shows {address}, which is not there: `make figures` makes it")
        return found.content_string

    return put_drawings_in_place(html, read=read)


def on_post_build(config: MkDocsConfig) -> None:
    """Add what the demo's reports lead to and the build would have taken for pages of its own."""
    for name, path in list_reports(find_demo(), suffixes=(".md",)):
        place = Path(config.site_dir) / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
