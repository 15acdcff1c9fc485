"""Which templates are at hand: TemplateFlow's folder and what nilearn packages. No network, no writing."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

NILEARN_TEMPLATE = "datasets/data/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"
# What the packaged file really is: the symmetric 2009a average, skull-stripped, which TemplateFlow does not have.
NILEARN_SPACE = "MNI152NLin2009aSym"


class Template(NamedTuple):
    """One template that is at hand, or the place where none is.

    ``space`` is the BIDS label of its space, empty where there is no template.
    """

    name: str
    where: str
    space: str


def templateflow_home() -> Path:
    """Folder of TemplateFlow's downloads.

    The same rule as TemplateFlow's own, without importing it: the import writes a skeleton into the home folder.
    """
    from platformdirs import user_cache_dir  # comes with TemplateFlow

    return Path(os.environ.get("TEMPLATEFLOW_HOME") or user_cache_dir("templateflow")).absolute()


def find_templateflow_files(space: str, pattern: str) -> tuple[Path, ...]:
    """Files of one template that were really downloaded, by name, sorted.

    TemplateFlow marks a file that it knows but has not fetched by a file of no bytes.
    """
    folder = templateflow_home() / f"tpl-{space}"
    return tuple(sorted(path for path in folder.glob(pattern) if path.is_file() and path.stat().st_size > 0))


def describe_templates() -> tuple[Template, ...]:
    """List the templates at hand, for ``bidsml doctor``."""
    home = templateflow_home()
    spaces = sorted(path.name.removeprefix("tpl-") for path in home.glob("tpl-*")) if home.is_dir() else []
    found = []
    for space in spaces:
        n_images = len(find_templateflow_files(space, "*.nii.gz"))
        if n_images:
            found.append(Template("TemplateFlow", f"{home / f'tpl-{space}'} ({n_images} images)", space))
    if not found:
        state = "no image downloaded" if home.is_dir() else "not there"
        found.append(Template("TemplateFlow", f"{home} ({state}; set TEMPLATEFLOW_HOME to change it)", ""))
    return (*found, *_packaged())


def _packaged() -> tuple[Template, ...]:
    nilearn = find_spec("nilearn")
    if nilearn is None or nilearn.origin is None:
        return ()
    path = Path(nilearn.origin).parent / NILEARN_TEMPLATE
    return (Template("nilearn MNI152, skull-stripped", str(path), NILEARN_SPACE),) if path.is_file() else ()
