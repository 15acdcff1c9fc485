"""What an output folder says of the runs that made it: enough to repeat them, and nothing that is trusted blindly."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from bidsml.bids.derivative import RAW
from bidsml.bids.manifest import Entry, list_manifests
from bidsml.bids.names import check_label
from bidsml.bids.store import sha256_file
from bidsml.bids.textfiles import read_json
from bidsml.errors import DataError, MissingInputError
from bidsml.records import InputChoice
from bidsml.spec import AnalysisSpec, load_analysis

MODEL = "model"
"""Name among a run's inputs of the model that ``--apply`` judged."""
_NO_URI = "do not trust it: an output names its inputs as bids:NAME:path inside a dataset"


@dataclass(frozen=True)
class RecordedRun:
    """One run of one level, as its own records tell.

    Attributes
    ----------
    participants
        Participant level: who is finished. Group level: who was asked for by name, nobody where all were taken.
    inputs
        Digest by BIDS URI, or by what stands for many files.
    places
        Where the datasets lay, by name; only a group's ``run.json`` tells.
    folder
        Group level: the folder of its results.
    """

    level: Literal["participant", "group"]
    spec: AnalysisSpec
    seed: int
    choice: InputChoice
    participants: tuple[str, ...]
    version: str
    packages: Mapping[str, str]
    inputs: Mapping[str, str]
    places: Mapping[str, Path] = field(default_factory=dict)
    model: Path | None = None
    allow_partial: bool = False
    n_threads: int = 1
    folder: Path | None = None

    @property
    def title(self) -> str:
        """The run in a few words."""
        what = f"{len(self.participants)} participants" if self.level == "participant" else "group"
        return f"{what}, analysis {self.spec.name}" + (" (a frozen model applied)" if self.model else "")

    @property
    def files(self) -> Mapping[str, str]:
        """Inputs that are files of a dataset: digest by BIDS URI."""
        return {name: digest for name, digest in self.inputs.items() if name.startswith("bids:")}


def read_recorded_runs(out: Path) -> tuple[RecordedRun, ...]:
    """Read every run that an output folder records, in the order in which they have to be repeated.

    Raises
    ------
    MissingInputError
        The folder records nothing.
    DataError
        A record is malformed, or names something outside the dataset.
    """
    if not (out / "dataset_description.json").is_file():
        raise MissingInputError(f"{out} is not an output folder of bidsml", hint="give the OUTPUT_DIR of a run")
    participants = _participant_runs(out)
    groups = [_group_run(path) for path in sorted(out.glob("group/*/run.json"))]
    # participants.tsv is one for all analyses: the one that wrote it last is repeated last.
    groups.sort(key=lambda run: _wrote_participants(out, run))
    applied = [_group_run(path) for path in sorted(out.glob("group/*/external/run.json"))]
    runs = (*participants, *groups, *applied)
    if not runs:
        raise MissingInputError(f"{out} records no finished run", hint="`bidsml status` says where everyone stands")
    for run in runs:
        _check(run)
    return runs


def split_uri(uri: str) -> tuple[str, PurePosixPath]:
    """Dataset name and path of ``bids:NAME:path``.

    Raises
    ------
    DataError
        It is none, or the path leaves its dataset.
    """
    scheme, _, rest = uri.partition(":")
    name, colon, path = rest.partition(":")
    relative = PurePosixPath(path)
    if scheme != "bids" or not colon or not path or relative.is_absolute() or ".." in relative.parts or "\0" in path:
        raise DataError(f"{uri!r} is not the name of an input", hint=_NO_URI)
    return name, relative


def _participant_runs(out: Path) -> list[RecordedRun]:
    """Participants whose analysis, seed and choice of inputs are the same are one run."""
    runs: dict[tuple[Any, ...], RecordedRun] = {}
    last: dict[tuple[Any, ...], bool] = {}
    for label, manifest in list_manifests(out).items():
        check_label(label, what="a participant label")
        for name, entry in manifest.analyses.items():
            run = _participant_run(out, label, name, entry)
            key = (run.spec.model_dump_json(), run.seed, repr(run.choice), run.version, str(run.packages))
            before = runs.get(key)
            if before is not None:
                run = replace(
                    before, participants=(*before.participants, label), inputs={**before.inputs, **run.inputs}
                )
            runs[key] = run
            # The page is one for all analyses of a participant: the one that wrote it last is repeated last.
            last[key] = last.get(key, False) or f"sub-{label}.html" in entry.files
    return [runs[key] for key in sorted(runs, key=lambda key: (last[key], runs[key].spec.name))]


def _participant_run(out: Path, label: str, name: str, entry: Entry) -> RecordedRun:
    made = entry.provenance
    if made is None or not made.analysis:
        raise DataError(
            f"the manifest of sub-{label} does not say how analysis {name} was made",
            hint="an older bidsml made it; run the participant level again to have it recorded",
        )
    spec = _read_spec(made.analysis, where=f"the manifest of sub-{label}")
    if spec.name != name:
        raise DataError(f"the manifest of sub-{label} lists {spec.name} as {name}", hint="do not trust it")
    return RecordedRun(
        "participant", spec, made.seed, made.choice, (label,), made.version, made.packages, dict(made.inputs)
    )


def _read_spec(content: Mapping[str, Any], *, where: str) -> AnalysisSpec:
    # JSON mode lets arrays fill tuples while numbers and texts stay strictly apart.
    import pydantic_core

    try:
        return AnalysisSpec.model_validate_json(pydantic_core.to_json(content))
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:3])
        raise DataError(f"{where} holds no analysis: {problems}", hint="run it again") from error


@dataclass(frozen=True)
class _RunFile:
    """The entries of ``run.json`` that a repetition needs."""

    Version: str
    RandomSeed: int
    Packages: Mapping[str, str]
    Inputs: Mapping[str, str]
    Choice: InputChoice
    BidsDir: str
    Derivatives: Mapping[str, str]
    ParticipantLabels: tuple[str, ...]
    AllowPartial: bool
    ModelDir: str
    Resources: Mapping[str, float]


def _group_run(path: Path) -> RecordedRun:
    content = read_json(path)
    try:
        told = TypeAdapter(_RunFile).validate_python({key: content.get(key) for key in _RunFile.__annotations__})
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:3])
        raise DataError(
            f"{path} does not tell enough to repeat the run: {problems}",
            hint="an older bidsml made it, or it was changed; run the group level again",
        ) from error
    return RecordedRun(
        level="group",
        spec=load_analysis(str(path.with_name("analysis.toml"))),
        seed=told.RandomSeed,
        choice=told.Choice,
        participants=told.ParticipantLabels,
        version=told.Version,
        packages=told.Packages,
        inputs=told.Inputs,
        places={RAW: Path(told.BidsDir), **{name: Path(place) for name, place in told.Derivatives.items()}},
        model=Path(told.ModelDir) if told.ModelDir else None,
        allow_partial=told.AllowPartial,
        n_threads=int(told.Resources.get("omp_nthreads", 1)),
        folder=path.parent,
    )


def _check(run: RecordedRun) -> None:
    """Nothing of a record may name a place outside of the dataset, nor a label that is no label."""
    for uri in run.files:
        split_uri(uri)
    labels = (*run.participants, *run.choice.sessions, *run.choice.tasks)
    for label in labels:
        check_label(label, what="a label in the record")
    for name in run.choice.derivatives:
        check_label(name.replace("-", "").replace("_", ""), what="a derivative's name in the record")


def _wrote_participants(out: Path, run: RecordedRun) -> bool:
    table = out / "participants.tsv"
    listed = (run.folder / "files.json") if run.folder else None
    if listed is None or not listed.is_file() or not table.is_file():
        return False
    files = read_json(listed).get("files")
    return isinstance(files, Mapping) and files.get("participants.tsv") == sha256_file(table)


def recorded_links(out: Path) -> Iterator[tuple[str, Path]]:
    """Places of the datasets as ``DatasetLinks`` gives them: name, and folder relative to the output."""
    links = read_json(out / "dataset_description.json").get("DatasetLinks")
    for name, link in (links or {}).items() if isinstance(links, Mapping) else ():
        if isinstance(link, str) and ":" not in link and "\0" not in link:
            yield str(name), (out / link).resolve()
