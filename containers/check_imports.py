"""Import every package of this environment; a package that does not load fails the build of an image.

Wheels that were trimmed too far, or that need a library which the base lacks, show here and not in a user's run.
"""

import importlib
import sys
import warnings
from importlib.metadata import distributions

# Part of Python or of the installer, not of what bidsml runs with.
NOT_RUN = {"pip", "setuptools", "wheel"}


def names_to_import() -> dict[str, str]:
    """Give the importable top-level names of every installed distribution, with the distribution's name."""
    names: dict[str, str] = {}
    for distribution in distributions():
        for file in distribution.files or ():
            top = file.parts[0]
            name = top.removesuffix(".py") if len(file.parts) == 1 else top
            is_package = len(file.parts) == 2 and file.name == "__init__.py"
            if (is_package or (len(file.parts) == 1 and top.endswith(".py"))) and name.isidentifier():
                names[name] = distribution.metadata["Name"]
    return {name: owner for name, owner in sorted(names.items()) if owner not in NOT_RUN}


def main() -> int:
    """Import all; print what failed and why."""
    warnings.simplefilter("ignore")
    names = names_to_import()
    failed = 0
    for name, owner in names.items():
        try:
            importlib.import_module(name)
        except Exception as error:
            failed += 1
            print(f"{name} ({owner}): {type(error).__name__}: {error}", file=sys.stderr)
    print(f"{len(names) - failed} of {len(names)} packages load")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
