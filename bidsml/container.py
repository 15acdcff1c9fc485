"""The container image that bidsml runs in: what it calls itself, what it was made from, which templates it brought.

An image cannot know its own digest, which is taken over the finished image. What it was made from is recorded while it
is built (``Build``: one digest over lock file, wheel and Python's version); its digest comes from whoever starts it, in
``BIDSML_CONTAINER_DIGEST``.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from bidsml.errors import DataError

# Type, Tag and URI are BIDS's own keys of GeneratedBy.Container. Set by the recipes, or by whoever starts the image.
CONTAINER_VARIABLES = {
    "Type": "BIDSML_CONTAINER_TYPE",
    "Tag": "BIDSML_CONTAINER_TAG",
    "URI": "BIDSML_CONTAINER_URI",
    "Digest": "BIDSML_CONTAINER_DIGEST",
}
# Apptainer sets one of these in everything it starts, images that were built for Docker too.
_APPTAINER = ("APPTAINER_CONTAINER", "SINGULARITY_CONTAINER")


def container_description() -> dict[str, str]:
    """Name the container this runs in, as ``GeneratedBy`` of a derivative wants it; empty outside of one.

    Returns
    -------
    dict
        ``Type`` (docker, apptainer), ``Tag``, ``URI`` and ``Digest``, those that are known, and ``Build``, the digest
        of what the image was made from.
    """
    known = {key: os.environ[name] for key, name in CONTAINER_VARIABLES.items() if os.environ.get(name)}
    if not known:
        return {}
    if any(os.environ.get(name) for name in _APPTAINER):
        known["Type"] = "apptainer"
    build = image_record().get("Build")
    return known | ({"Build": build} if build else {})


def image_record() -> dict[str, str]:
    """Read what the image was made from: ``Lock``, ``Wheel``, ``Python``, ``Base`` and ``Build``; empty outside of one.

    Raises
    ------
    DataError
        The record is damaged.
    """
    return _read(_folder() / "image.json")


def template_record() -> dict[str, str]:
    """Read which template the image was to bring (``Template``), whether it did (``State``), and why not (``Reason``).

    Raises
    ------
    DataError
        The record is damaged.
    """
    return _read(_folder() / "templates.json")


def describe_container(*, description: Mapping[str, str], image: Mapping[str, str]) -> str:
    """Say in one line which container this is, for ``bidsml doctor``."""
    if not description:
        return "none"
    name = " ".join(description[key] for key in ("Type", "Tag") if key in description)
    digest = description.get("Digest") or "unknown from inside; start it with BIDSML_CONTAINER_DIGEST=sha256:…"
    parts = [name, f"digest {digest}"]
    parts += [f"{key.lower()} {value}" for key, value in sorted(image.items())]
    return ", ".join(parts)


def describe_baked_template(record: Mapping[str, str]) -> str:
    """Say in one line which template an image brought, or why none; empty outside of one."""
    return ", ".join(record[key] for key in ("Template", "State", "Reason") if key in record)


def _folder() -> Path:
    return Path(sys.prefix) / "share" / "bidsml"


def _read(path: Path) -> dict[str, str]:
    import json

    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}", hint="pull or build the image again") from error
    return {str(key): str(value) for key, value in content.items()}
