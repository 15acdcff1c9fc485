"""What ran: versions, digests and the command, without times or places."""

import hashlib
import platform
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any

import tomli_w

import bidsml
from bidsml.bids.derivative import container_description
from bidsml.bids.store import sha256_file
from bidsml.records import Provenance, RawSession, Scan
from bidsml.spec import AnalysisSpec, RunOptions, spec_digest


@cache
def package_versions() -> dict[str, str]:
    """Versions of Python and of bidsml's direct dependencies."""
    versions = {"python": platform.python_version()}
    for requirement in distribution("bidsml").requires or []:
        match = re.match(r"[A-Za-z0-9_.-]+", requirement)
        if match is None or "extra ==" in requirement:
            continue
        try:
            versions[match[0]] = version(match[0])
        except PackageNotFoundError:
            versions[match[0]] = "not installed"
    return versions


def make_provenance(spec: AnalysisSpec, options: RunOptions, *, inputs: Mapping[str, str]) -> Provenance:
    """Describe a run. The command has its folders replaced by what they stand for."""
    return Provenance(
        version=bidsml.__version__,
        packages=package_versions(),
        seed=options.random_seed,
        engine=spec.inference.engine,
        command=canonical_command(spec, options),
        spec_digest=spec_digest(spec),
        inputs=dict(inputs),
    )


def canonical_command(spec: AnalysisSpec, options: RunOptions) -> tuple[str, ...]:
    """Give the command that repeats the computation, free of places and machine sizes."""
    words = ["bidsml", "BIDS_DIR", "OUTPUT_DIR", options.level, "--analysis", f"group/{spec.name}/analysis.toml"]
    for name in sorted(options.derivatives):
        words += ["--derivatives", f"{name}={name.upper()}_DIR"]
    if options.level == "participant":
        words[5] = spec.name
        for flag, values in (("--session-label", options.session_labels), ("--task-id", options.task_ids)):
            words += [flag, *values] if values else []
    if options.apply is not None:
        words[5] = f"group/{spec.name}/external/analysis.toml"
        words += ["--apply", "MODEL_DIR"]
    return (*words, "--random-seed", str(options.random_seed))


def input_digests(scans: Iterable[Scan | RawSession]) -> dict[str, str]:
    """SHA-256 of every input file of one participant, by file name."""
    return {path.name: sha256_file(path) for path in sorted({path for scan in scans for path in scan.files})}


def combined_digest(paths: Iterable[Path]) -> str:
    """One SHA-256 over many files: their names and contents, in sorted order."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(f"{path.name}\0{sha256_file(path)}\n".encode())
    return digest.hexdigest()


def effective_toml(spec: AnalysisSpec) -> str:
    """Render the effective analysis as TOML that loads to the same analysis."""
    return tomli_w.dumps(_without_none(spec.model_dump(mode="json")))


def _without_none(value: Any) -> Any:
    """TOML has no null: a key that isn't there means the default, and every default of None means 'not set'."""
    if isinstance(value, dict):
        return {k: _without_none(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_without_none(v) for v in value if v is not None]
    return value


def run_record(spec: AnalysisSpec, options: RunOptions, provenance: Provenance) -> dict[str, Any]:
    """Everything about the circumstances of a group run: the content of ``run.json``."""
    return {
        "Command": list(options.command),
        "CanonicalCommand": list(provenance.command),
        "Version": provenance.version,
        "Analysis": spec.name,
        "SpecDigest": provenance.spec_digest,
        "RandomSeed": options.random_seed,
        "Engine": provenance.engine,
        "Packages": dict(provenance.packages),
        "Platform": platform.platform(),
        "Container": container_description(),
        "Resources": {"nprocs": options.nprocs, "omp_nthreads": options.omp_nthreads, "mem_gb": options.mem_gb},
        "Inputs": dict(provenance.inputs),
        "BidsDir": str(options.bids_dir),
        "Derivatives": {name: str(path) for name, path in options.derivatives.items()},
    }
