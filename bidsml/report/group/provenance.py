"""What ran, so that it can run again."""

from pathlib import PurePosixPath

from bidsml.records import Result
from bidsml.report.blocks import Block, Facts, Section, Table


def section(result: Result) -> Section:
    """List versions, seed, digests and the command."""
    ran = result.provenance
    blocks: list[Block] = [
        Facts(
            (
                ("Command", " ".join(_without_folders(argument) for argument in ran.command) or "not recorded"),
                ("Analysis", result.analysis),
                ("Digest of the analysis", ran.spec_digest),
                ("Seed", str(ran.seed)),
                ("Permutation engine", ", ".join(dict.fromkeys(null.engine for null in result.nulls)) or "none ran"),
                ("bidsml", ran.version),
                *((name, version) for name, version in sorted(ran.packages.items())),
            )
        )
    ]
    if ran.inputs:
        rows = tuple((_without_folders(name), digest) for name, digest in sorted(ran.inputs.items()))
        blocks.append(Table("Digests of the inputs", ("Input", "SHA-256"), rows, text_columns=2, folded=True))
    return Section(
        anchor="provenance",
        title="Provenance",
        lead="What made this page; the same command on the same inputs gives the same bytes. Folders are left out here "
        "and stand in run.json.",
        blocks=tuple(blocks),
    )


def _without_folders(argument: str) -> str:
    """Keep the last part of an absolute path; ``NAME=PATH`` keeps its name."""
    name, separator, path = argument.rpartition("=")
    if not path.startswith("/"):
        return argument
    return f"{name}{separator}…/{PurePosixPath(path).name}"
