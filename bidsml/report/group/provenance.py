"""What ran, so that it can run again."""

from pathlib import PurePosixPath

from bidsml.records import Result
from bidsml.report.blocks import Block, Bullets, Facts, Link, Section, Table
from bidsml.report.lookup import read_study

_RERUN = "bidsml rerun OUTPUT_DIR NEW_OUTPUT_DIR"
_FILES = (
    ("The analysis as it ran", "analysis.toml"),
    ("The command, its circumstances and digests", "run.json"),
    ("Every published file with its SHA-256", "files.json"),
)


def section(result: Result) -> Section:
    """List versions, seed, digests, and the command that repeats the analysis."""
    ran = result.provenance
    folder = f"group/{result.analysis}"
    told = (("What the authors told", "study.toml"),) if result.study and read_study(result).told else ()
    blocks: list[Block] = [
        Facts(
            (
                ("To repeat it and compare", _RERUN),
                ("Command", " ".join(_without_folders(argument) for argument in ran.command) or "not recorded"),
                ("Analysis", result.analysis),
                ("Digest of the analysis", ran.spec_digest),
                ("Seed", str(ran.seed)),
                ("Permutation engine", ", ".join(dict.fromkeys(null.engine for null in result.nulls)) or "none ran"),
                ("bidsml", ran.version),
                *((name, version) for name, version in sorted(ran.packages.items())),
            )
        ),
        Bullets(tuple(Link(f"{what}: {name}", f"{folder}/{name}") for what, name in (*_FILES, *told)), heading="Files"),
    ]
    if ran.inputs:
        rows = tuple((_without_folders(name), digest) for name, digest in sorted(ran.inputs.items()))
        blocks.append(Table("Digests of the inputs", ("Input", "SHA-256"), rows, text_columns=2, folded=True))
    return Section(
        anchor="provenance",
        title="Provenance",
        lead="What made this page. The same versions on the same inputs give the same bytes; words in capitals stand "
        "for folders, which are left out of reports and stand in run.json.",
        blocks=tuple(blocks),
    )


def _without_folders(argument: str) -> str:
    """Keep the last part of an absolute path; ``NAME=PATH`` keeps its name."""
    name, separator, path = argument.rpartition("=")
    if not path.startswith("/"):
        return argument
    return f"{name}{separator}…/{PurePosixPath(path).name}"
