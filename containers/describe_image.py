"""Print what an image is made from, as JSON: the same sources on the same base give the same ``Build``.

An image cannot know its own digest, which is taken over all of it when it is finished. This is what can be known from
inside: the digests of the lock file and of bidsml's wheel, and the base that the recipe was given.

    python describe_image.py LOCK WHEEL [BASE]
"""

import hashlib
import json
import platform
import sys
from pathlib import Path


def describe(lock: Path, wheel: Path, base: str) -> dict[str, str]:
    """Digests (SHA-256, hexadecimal) of what went in, and ``Build``, one digest over them and Python's version."""
    parts = {
        "Lock": hashlib.sha256(lock.read_bytes()).hexdigest(),
        "Wheel": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "Python": platform.python_version(),
    }
    build = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    return parts | {"Build": f"sha256:{build}"} | ({"Base": base} if base else {})


if __name__ == "__main__":
    lock_file, wheel_file, *rest = sys.argv[1:]
    print(json.dumps(describe(Path(lock_file), Path(wheel_file), "".join(rest)), indent=2, sort_keys=True))
