"""What ran: versions, digests and the command, without times or places."""

import hashlib
import json
import platform
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any

import tomli_w

import bidsml
from bidsml.bids.derivative import RAW
from bidsml.bids.manifest import Manifest
from bidsml.bids.store import sha256_file
from bidsml.container import container_description
from bidsml.extension import ESTIMATORS, FEATURES, GROUP_SECTIONS, PARTICIPANT_SECTIONS, used_plugins
from bidsml.records import InputChoice, Provenance
from bidsml.spec import AnalysisSpec, RunOptions, StudySpec, load_study, spec_digest


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


def plugin_versions(spec: AnalysisSpec) -> dict[str, str]:
    """Versions of the packages that offer a feature kind, an estimator or a section of an analysis."""
    names = {
        FEATURES: {feature.kind for feature in spec.features},
        ESTIMATORS: {estimator.kind for estimator in spec.estimators},
        PARTICIPANT_SECTIONS: set(spec.report.sections),
        GROUP_SECTIONS: set(spec.report.sections),
    }
    return {plugin.package: plugin.version for plugin in used_plugins(names)}


def make_provenance(spec: AnalysisSpec, options: RunOptions, *, inputs: Mapping[str, str]) -> Provenance:
    """Describe a run. The command has its folders replaced by what they stand for."""
    plugins = plugin_versions(spec)
    return Provenance(
        version=bidsml.__version__,
        packages=package_versions() | plugins,
        seed=options.random_seed,
        engine=spec.inference.engine,
        command=canonical_command(spec, options),
        spec_digest=spec_digest(spec),
        inputs=dict(inputs),
        analysis=spec.model_dump(mode="json"),
        choice=input_choice(options),
        plugins=plugins,
    )


def input_choice(options: RunOptions) -> InputChoice:
    """Name what the command line chose of the input, but for the participants."""
    return InputChoice(
        derivatives=tuple(sorted(options.derivatives)),
        sessions=options.session_labels,
        tasks=options.task_ids,
        filters={query: dict(entities) for query, entities in options.filters.items()},
        skip_bids_validation=options.skip_bids_validation,
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
        words += ["--bids-filter-file", "FILTER_FILE"] if options.filters else []
    if options.apply is not None:
        words[5] = f"group/{spec.name}/external/analysis.toml"
        words += ["--apply", "MODEL_DIR"]
    return (*words, "--random-seed", str(options.random_seed))


def input_digests(paths: Iterable[Path], options: RunOptions) -> dict[str, str]:
    """SHA-256 of input files by their BIDS URI, ``bids:NAME:path``; a file of no dataset is named by its name alone."""
    roots = {RAW: options.bids_dir, **options.derivatives}
    return {_uri(path, roots): file_digest(path) for path in sorted(set(paths))}


def _uri(path: Path, roots: Mapping[str, Path]) -> str:
    """Name a file by the innermost folder that holds it: derivatives often lie inside their dataset."""
    holding = [name for name in roots if path.is_relative_to(roots[name])]
    if not holding:
        return path.name
    name = max(holding, key=lambda one: len(roots[one].parts))
    return f"bids:{name}:{path.relative_to(roots[name]).as_posix()}"


def file_digest(path: Path) -> str:
    """SHA-256 of a file, computed again only when its size or time of change is another."""
    state = path.stat()
    return _digest_of(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=100_000)
def _digest_of(path: Path, _size: int, _mtime_ns: int) -> str:
    return sha256_file(path)


def manifests_digest(manifests: Mapping[str, Manifest], analysis: str) -> str:
    """One SHA-256 over what an analysis takes from the participants' manifests: features and quality.

    Other analyses in the same manifests, and pages that are made again, leave it as it is.
    """
    digest = hashlib.sha256()
    for label in sorted(manifests):
        entry = manifests[label].analyses[analysis]
        features = {block: entry.files.get(path, "") for block, path in entry.features.items()}
        taken = {"participant": label, "features": features, "qc": dict(entry.qc)}
        digest.update(json.dumps(taken, sort_keys=True, ensure_ascii=False).encode() + b"\n")
    return digest.hexdigest()


def combined_digest(paths: Iterable[Path]) -> str:
    """One SHA-256 over many files: their names and contents, in sorted order."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(f"{path.name}\0{sha256_file(path)}\n".encode())
    return digest.hexdigest()


def effective_toml(spec: AnalysisSpec) -> str:
    """Render the effective analysis as TOML that loads to the same analysis."""
    return tomli_w.dumps(_without_none(spec.model_dump(mode="json")))


def effective_study(study: StudySpec) -> str:
    """Render what is told of a study as TOML that loads to the same; empty where nothing is."""
    content: dict[str, Any] = {}
    for key, text in study.told.items():
        section, _, name = key.rpartition(".")
        (content.setdefault(section, {}) if section else content)[name] = text
    return tomli_w.dumps(content)


def _without_none(value: Any) -> Any:
    """TOML has no null: a key that isn't there means the default, and every default of None means 'not set'."""
    if isinstance(value, dict):
        return {k: _without_none(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_without_none(v) for v in value if v is not None]
    return value


def run_record(
    spec: AnalysisSpec, options: RunOptions, provenance: Provenance, *, inputs: Mapping[str, str]
) -> dict[str, Any]:
    """Give everything about the circumstances of a group run: the content of ``run.json``.

    Parameters
    ----------
    inputs
        Digest of every input file by its name, where the provenance counts many as one.
    """
    return {
        "Command": list(options.command),
        "CanonicalCommand": list(provenance.command),
        "Version": provenance.version,
        "Analysis": spec.name,
        "SpecDigest": provenance.spec_digest,
        "RandomSeed": options.random_seed,
        "Engine": provenance.engine,
        "Packages": dict(provenance.packages),
        "Extensions": dict(provenance.plugins),
        "Platform": platform.platform(),
        "Container": container_description(),
        "Resources": {"nprocs": options.nprocs, "omp_nthreads": options.omp_nthreads, "mem_gb": options.mem_gb},
        "Inputs": {**provenance.inputs, **inputs},
        "Choice": asdict(provenance.choice),
        "ParticipantLabels": list(options.participant_labels),
        "AllowPartial": options.allow_partial,
        "Study": load_study(options.study).told if options.study else {},
        "BidsDir": str(options.bids_dir),
        "Derivatives": {name: str(path) for name, path in options.derivatives.items()},
        "ModelDir": str(options.apply) if options.apply else "",
    }
