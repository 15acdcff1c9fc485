"""What a node made is checked before it is used again: every file by its size and digest.

Nipype knows only whether the inputs of a node have changed. A file of the work folder that was cut off or altered
(a full disk, a machine that stopped, a hand) would go on into everything that follows.

Files are read and hashed whole every time. Size and modification time would be quicker, but are as they were in
just the case that matters: after a power failure a file can have its full length and be filled with zeros.
"""

import gzip
import json
import logging
import zlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bidsml.bids.store import sha256_file, write_json

logger = logging.getLogger(__name__)

DIGESTS_FILE = "digests.json"
_NOT_LISTED = (DIGESTS_FILE, "_inputs.pklz", "_node.pklz", "_report")
_PIECE = 1 << 20


def write_digests(folder: Path) -> Path:
    """List size and SHA-256 of every file that a step has left in its node's folder."""
    files = {
        path.relative_to(folder).as_posix(): {"size": path.stat().st_size, "sha256": sha256_file(path)}
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not _is_nipypes(path.relative_to(folder))
    }
    return write_json(folder / DIGESTS_FILE, {"files": files})


def _is_nipypes(path: Path) -> bool:
    name = path.parts[0]
    return name in _NOT_LISTED or (name.startswith(("_0x", "result_")) and name.endswith((".json", ".pklz")))


def forget_broken(nodes: Mapping[str, Path], *, steps: frozenset[str], n_threads: int) -> dict[str, str]:
    """Take the results of nodes whose files are not as they were made, so that these nodes run again.

    Parameters
    ----------
    nodes
        Folder of each node by its full name.
    steps
        Names of the nodes that list what they made; others (which gather paths) have a result alone.
    n_threads
        How many folders are read at once.

    Returns
    -------
    dict
        What was wrong, by the node's full name.
    """

    def check(item: tuple[str, Path]) -> str:
        return find_damage(item[1], lists_files=item[0] in steps)

    with ThreadPoolExecutor(max_workers=n_threads) as pool:
        found = zip(nodes, pool.map(check, nodes.items()), strict=True)
        broken = {name: damage for name, damage in found if damage}
    for name, damage in broken.items():
        logger.warning("%s runs again: %s", name, damage)
        # First the hash that says "done": a run that ends here leaves a node that has to run.
        for left_over in (*nodes[name].glob("_0x*.json"), *nodes[name].glob("result_*.pklz")):
            left_over.unlink(missing_ok=True)
    return broken


def find_damage(folder: Path, *, lists_files: bool) -> str:
    """Say what is wrong with a finished node; empty where nothing is, or the node has yet to run."""
    results = list(folder.glob("result_*.pklz"))
    if not results or not any(not path.stem.endswith("_unfinished") for path in folder.glob("_0x*.json")):
        return ""
    for path in results:
        if not _is_whole(path):
            return f"{path.name} is damaged"
    return _compare(folder) if lists_files else ""


def _is_whole(path: Path) -> bool:
    """Read a compressed file to its end, against its checksum; nothing of it is unpickled."""
    try:
        with gzip.open(path) as stream:
            size = 0
            while piece := stream.read(_PIECE):
                size += len(piece)
    except (OSError, EOFError, zlib.error):
        return False
    return size > 0


def _compare(folder: Path) -> str:
    try:
        listed = json.loads((folder / DIGESTS_FILE).read_text(encoding="utf-8"))["files"]
        expected = {name: (entry["size"], entry["sha256"]) for name, entry in listed.items()}
    except (OSError, ValueError, KeyError, TypeError):
        return f"{DIGESTS_FILE} is not there, or not readable"
    for name, (size, digest) in sorted(expected.items()):
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        if path.stat().st_size != size:
            return f"{name} has {path.stat().st_size} bytes in place of {size}"
        if sha256_file(path) != digest:
            return f"{name} is not as it was made"
    return ""
