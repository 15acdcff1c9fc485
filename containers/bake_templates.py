"""Put the default template into an image where the network gives it, and write down what came of it.

    python bake_templates.py auto|required|none NOTE.json

``auto`` goes on without, ``required`` fails without, ``none`` does not try. ``bidsml doctor`` reads the note.
"""

import json
import sys
from pathlib import Path

from bidsml.errors import MissingInputError
from bidsml.templates import PREFERRED_SPACE, fetch_template, find_templateflow_files, templateflow_home


def bake(mode: str) -> dict[str, str]:
    """Fetch the template that ``space = "auto"`` prefers; say which and whether it is there.

    Raises
    ------
    MissingInputError
        The mode is ``required``, and the template can't be had.
    """
    if mode == "none":
        return {"Template": PREFERRED_SPACE, "State": "left out", "Reason": "the build was asked to leave it out"}
    try:
        fetch_template(PREFERRED_SPACE)
    except MissingInputError as error:
        if mode == "required":
            raise
        return {"Template": PREFERRED_SPACE, "State": "missing", "Reason": error.message}
    return {"Template": PREFERRED_SPACE, "State": "baked in"}


def remove_placeholders(home: Path) -> None:
    """Remove the thousands of empty files that TemplateFlow keeps for what it has not fetched, and empty folders."""
    for path in sorted(home.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
        elif path.is_file() and path.stat().st_size == 0:
            path.unlink()


def main(mode: str, note: Path) -> None:
    """Bake, trim and write the note."""
    if mode not in ("auto", "required", "none"):
        sys.exit(f"bake_templates.py: {mode!r} is none of auto, required, none")
    state = bake(mode)
    home = templateflow_home()
    home.mkdir(parents=True, exist_ok=True)
    remove_placeholders(home)
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps(state, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    n_images = len(find_templateflow_files(PREFERRED_SPACE, "*.nii.gz"))
    print(f"templates: {', '.join(state.values())}; {n_images} images in {home}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
