"""What the documentation's build adds to the pages of this folder: pages made from the code, and drawings in place.

MkDocs calls the ``on_…`` functions (see ``hooks`` in mkdocs.yml).
"""

import sys
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS))

from from_code import PAGES, expand, put_drawings_in_place  # noqa: E402 - only now can it be found


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made from the code, and let the patterns of the navigation find theirs."""
    for name, write in PAGES.items():
        files.append(File.generated(config, name, content=write()))
    pages = {file.src_uri: file.content_string for file in files.documentation_pages()}
    config.nav = expand(config.nav, pages)
    return files


def on_page_content(html: str, page: Any, **_: Any) -> str:
    """Put drawings into the page itself, where they take its colours and their words can be read and searched."""
    return put_drawings_in_place(html, folder=(DOCS / page.file.src_uri).parent)
