"""Which container image made an output, whether this is it, and the call that repeats the output in it."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from bidsml.bids.derivative import RAW
from bidsml.bids.textfiles import read_json
from bidsml.container import container_description, describe_container

# What tells two images apart, the surest first: one build may be packed twice; a tag may be moved to another image.
_MARKS = ("Build", "Digest", "URI", "Tag")


def recorded_container(out: Path) -> dict[str, str]:
    """Read the container that an output names in ``GeneratedBy``; empty where it was made outside of one."""
    makers = read_json(out / "dataset_description.json").get("GeneratedBy")
    first = makers[0] if isinstance(makers, Sequence) and makers and isinstance(makers[0], Mapping) else {}
    container = first.get("Container")
    return {str(k): str(v) for k, v in container.items()} if isinstance(container, Mapping) else {}


def is_same_image(recorded: Mapping[str, str], here: Mapping[str, str]) -> bool:
    """Say whether two descriptions name one image, by the surest mark that both have; outside and outside are one."""
    if not recorded or not here:
        return not recorded and not here
    both = [mark for mark in _MARKS if mark in recorded and mark in here]
    return bool(both) and recorded[both[0]] == here[both[0]]


def other_image(out: Path) -> str:
    """Say in one line that this is another image than the output's, or none; empty where it is the same."""
    recorded, here = recorded_container(out), container_description()
    if is_same_image(recorded, here):
        return ""
    then, now = (describe_container(description=one, image={}) for one in (recorded, here))
    return f"{then} → {now}"


def call_in_image(out: Path, new: Path, folders: Mapping[str, Path]) -> str:
    """Write the call that repeats an output in the image that made it; empty where it was made outside of one.

    Parameters
    ----------
    folders
        Datasets that are read, by name. Every folder keeps its place inside.
    """
    recorded = recorded_container(out)
    if not recorded:
        return ""
    binds = [f"{new.parent}:{new.parent}"]
    binds += [f"{folder}:{folder}:ro" for folder in dict.fromkeys((out, *folders.values()))]
    derivatives = [f"{name}={folder}" for name, folder in folders.items() if name != RAW]
    words = ["rerun", str(out), str(new), "--bids-dir", str(folders[RAW])]
    words += ["--derivatives", *derivatives] if derivatives else []
    if recorded.get("Type") == "apptainer":
        start = ["apptainer", "run", "--cleanenv", "--containall", "--no-home"]
        mounts = [word for bind in binds for word in ("--bind", bind)]
    else:
        start = ["docker", "run", "--rm", "--network", "none", "--read-only", "--tmpfs", "/tmp"]
        mounts = [word for bind in binds for word in ("--volume", bind)]
    return shlex.join([*start, *mounts, _image(recorded), *words])


def _image(recorded: Mapping[str, str]) -> str:
    """Name an image as its engine takes it: by digest where it was published and its digest is known."""
    if "URI" in recorded:
        pinned = "Digest" in recorded and "@" not in recorded["URI"] and recorded.get("Type") != "apptainer"
        return f"{recorded['URI']}@{recorded['Digest']}" if pinned else recorded["URI"]
    tag = recorded.get("Tag", "bidsml")
    return f"{tag.replace(':', '-')}.sif" if recorded.get("Type") == "apptainer" else tag
