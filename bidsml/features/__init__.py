"""What can be measured on one person: the catalog of feature kinds.

A kind is one file of this folder with a function ``extract_<kind>(data, *, block, options)``, and one line
in ``CATALOG``. A kind sees the data of ONE person: whatever is fitted over people lives in ``learn``.
The catalog itself imports nothing heavy; a kind's file is imported when it is first used. Other packages
add kinds by entry points (:mod:`bidsml.extension`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, cast

from bidsml.errors import AnalysisFileError, near_names
from bidsml.extension import FEATURES, Catalog

if TYPE_CHECKING:
    from pydantic import BaseModel

    from bidsml.records import FeatureVector, ScanData
    from bidsml.spec import FeatureSpec

Need = Literal[
    "signals", "unfiltered", "matrix", "table", "density", "volumes", "contrasts", "maps", "scalars", "spectrum"
]


@dataclass(frozen=True)
class FeatureKind:
    """One entry of the catalog.

    Attributes
    ----------
    needs
        Parts of ``ScanData`` the kind can work from; any one of them is enough.
    measures
        Measures the kind offers, the default first.
    keys
        Keys of a ``[[features]]`` block that the kind takes beside ``kind`` and ``name``.
    summary
        One line for the documentation.
    units
        Unit of each measure, in their order; ``1`` where there is none.
    function
        What measures one person, called ``function(data, *, block, options)``. A kind of bidsml's own leaves it out:
        it is ``extract_<name>`` of its file.
    modality
        Of a kind that reads files of its own, an entry of ``bidsml.bids.modalities``; empty for all others.
    datatype
        Folder of BIDS that the features are published in, where it is not ``func``.
    settings
        Pydantic model that the ``options`` table of a block must fit; ``None``: the kind takes no ``options``.
    """

    name: str
    needs: frozenset[Need]
    measures: tuple[str, ...]
    keys: frozenset[str]
    summary: str
    units: tuple[str, ...] = ()
    function: Callable[..., FeatureVector] | None = None
    settings: type[BaseModel] | None = None
    modality: str = ""
    datatype: str = ""

    def extract(self, data: ScanData, *, block: str, options: FeatureSpec) -> FeatureVector:
        """Measure one person (see the kind's own function)."""
        return self.find_function()(data, block=block, options=options)

    def find_function(self) -> Callable[..., FeatureVector]:
        """Import and return the function that measures one person."""
        if self.function is not None:
            return self.function
        found = getattr(import_module(f"{__name__}.{self.name}"), f"extract_{self.name}")
        return cast("Callable[..., FeatureVector]", found)

    def complain(self, options: FeatureSpec) -> str:
        """Say what the kind itself finds wrong with its options; empty when nothing is."""
        if self.function is not None:
            return _fit_settings(self.settings, options.options)
        rule: Callable[[FeatureSpec], str] | None = getattr(
            import_module(f"{__name__}.{self.name}"), f"check_{self.name}", None
        )
        return rule(options) if rule else ""


def _fit_settings(model: type[BaseModel] | None, given: Mapping[str, Any]) -> str:
    """Say what of an ``options`` table doesn't fit its model; empty when all does."""
    if model is None:
        return ""
    from pydantic import ValidationError

    try:
        model.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(["options", *map(str, first["loc"])])
        known = ", ".join(model.model_fields)
        return f"{place}: {first['msg']} (found {first['input']!r}; options it takes: {known})"
    return ""


_RECORDING_KEYS = frozenset({"derivative", "recording", "columns", "exclude"})
_ATLAS_KEYS = frozenset({"atlas", "measure"})
_SIGNAL_NEEDS: frozenset[Need] = frozenset({"unfiltered"})

_KINDS = (
    FeatureKind(
        name="connectome",
        needs=frozenset({"signals", "matrix"}),
        measures=("correlation", "partial", "tangent"),
        keys=_ATLAS_KEYS,
        summary="functional connectivity between every pair of regions",
        units=("Fisher z", "Fisher z", "covariance of standardised signals"),
    ),
    FeatureKind(
        name="network_connectivity",
        needs=frozenset({"signals", "matrix"}),
        measures=("correlation", "partial"),
        keys=_ATLAS_KEYS,
        summary="mean functional connectivity within and between the networks of an atlas",
        units=("Fisher z", "Fisher z"),
    ),
    FeatureKind(
        name="dynamic_connectivity",
        needs=frozenset({"signals"}),
        measures=("window_sd",),
        keys=_ATLAS_KEYS | {"window_s", "step_s", "taper_s"},
        summary="variability of each pair's functional connectivity between sliding windows",
        units=("Fisher z",),
    ),
    FeatureKind(
        name="graph_measures",
        needs=frozenset({"signals", "matrix"}),
        measures=("correlation", "partial"),
        keys=_ATLAS_KEYS | {"density"},
        summary="strength, clustering and betweenness of each region; efficiency and modularity of the graph",
        units=("1", "1"),
    ),
    FeatureKind(
        name="seed_map",
        needs=frozenset({"maps"}),
        measures=("seed_z",),
        keys=_ATLAS_KEYS | {"seeds"},
        summary="functional connectivity of seeds with every voxel, averaged in each region",
        units=("Fisher z",),
    ),
    FeatureKind(
        name="reho",
        needs=frozenset({"maps"}),
        measures=("kendall_w", "kendall_w_of_brain"),
        keys=_ATLAS_KEYS | {"neighbours"},
        summary="regional homogeneity: how alike the signals of neighbouring voxels are, in each region",
        units=("1", "1"),
    ),
    FeatureKind(
        name="roi_signal",
        needs=_SIGNAL_NEEDS,
        measures=("sd", "mssd"),
        keys=_ATLAS_KEYS,
        summary="variability of each region's signal over time",
        units=("percent", "percent"),
    ),
    FeatureKind(
        name="amplitude",
        needs=_SIGNAL_NEEDS,
        measures=("falff", "alff"),
        keys=_ATLAS_KEYS,
        summary="amplitude of each region's slow fluctuations (ALFF, fALFF)",
        units=("1", "percent / sqrt(Hz)"),
    ),
    FeatureKind(
        name="gray_matter",
        needs=frozenset({"density"}),
        measures=("density",),
        keys=_ATLAS_KEYS,
        summary="grey-matter density of each region, modulated by the registration to the template",
        units=("1",),
    ),
    FeatureKind(
        name="morphometry",
        needs=frozenset({"volumes"}),
        measures=("volume", "volume_of_brain"),
        keys=_ATLAS_KEYS,
        summary="grey-matter volume of each region, and total volumes of tissues",
        units=("ml", "1"),
    ),
    FeatureKind(
        name="task_contrast",
        needs=frozenset({"contrasts"}),
        measures=("effect", "z"),
        keys=_ATLAS_KEYS | {"contrasts"},
        summary="response of each region to a contrast of task conditions",
        units=("percent", "1"),
    ),
    FeatureKind(
        name="phenotype",
        needs=frozenset({"table"}),
        measures=("value",),
        keys=frozenset({"file", "columns", "exclude"}),
        summary="columns of participants.tsv or of a phenotype table",
        units=("as in the table",),
    ),
    FeatureKind(
        name="questionnaire",
        needs=frozenset({"table"}),
        measures=("sum", "mean"),
        keys=frozenset(
            {"file", "key", "measure", "columns", "exclude", "subscales", "reverse", "max_missing", "indicators"}
        ),
        summary="items or subscales of a questionnaire, turned around and prorated over gaps",
        units=("points", "points"),
    ),
    FeatureKind(
        name="text",
        needs=frozenset({"table"}),
        measures=("words", "characters"),
        keys=frozenset({"file", "key", "measure", "columns", "n_components", "ngram", "min_df"}),
        summary="free text as counts of hashed tokens; weighed by rarity and reduced to topics in the folds",
        units=("1", "1"),
    ),
    FeatureKind(
        name="table",
        needs=frozenset({"table"}),
        measures=("value",),
        keys=frozenset({"file", "key", "columns", "exclude"}),
        summary="columns of any table with one row per participant, such as FreeSurfer statistics",
        units=("as in the table",),
    ),
    FeatureKind(
        name="freesurfer",
        needs=frozenset({"table"}),
        measures=("thickness", "area", "volume", "volume_of_etiv", "subcortical", "subcortical_of_etiv"),
        keys=frozenset({"measure", "derivative", "parcellation", "columns", "exclude"}),
        summary="cortical thickness, area and volume, and subcortical volumes, from a FreeSurfer subjects folder",
        modality="freesurfer",
        datatype="anat",
        units=("mm", "mm²", "mm³", "1", "mm³", "1"),
    ),
    FeatureKind(
        name="image_quality",
        needs=frozenset({"table"}),
        measures=("value",),
        keys=frozenset({"suffix", "derivative", "columns", "exclude"}),
        summary="image-quality metrics of MRIQC: a control of motion and scanner as much as a feature",
        modality="mriqc",
        units=("MRIQC's own",),
    ),
    FeatureKind(
        name="diffusion",
        needs=frozenset({"scalars"}),
        measures=("fa", "md", "ad", "rd", "mk", "ak", "rk", "icvf", "isovf", "od", "gfa"),
        keys=_ATLAS_KEYS | {"derivative", "model"},
        summary="maps of diffusion (FA, MD, kurtosis, NODDI), averaged in each region",
        units=("1", *("as in the map",) * 3, *("1",) * 7),
        modality="diffusion",
        datatype="dwi",
    ),
    FeatureKind(
        name="eeg_power",
        needs=frozenset({"spectrum"}),
        measures=("relative", "absolute"),
        keys=_RECORDING_KEYS | {"measure", "bands"},
        summary="power of EEG or MEG in frequency bands, by channel",
        units=("log10 of a share", "log10 µV² (MEG: fT²)"),
        modality="recording",
        datatype="eeg",
    ),
    FeatureKind(
        name="eeg_covariance",
        needs=frozenset({"spectrum"}),
        measures=("covariance",),
        keys=_RECORDING_KEYS | {"shrinkage"},
        summary="covariance of the channels of EEG or MEG, in the tangent space of the training people",
        units=("µV² (MEG: fT²)",),
        modality="recording",
        datatype="eeg",
    ),
)

CATALOG = Catalog({kind.name: kind for kind in _KINDS}, group=FEATURES, kind=FeatureKind)


def reads_tables(options: FeatureSpec) -> bool:
    """Whether a block's kind takes table rows rather than images."""
    return "table" in CATALOG[options.kind].needs and not modality_of(options)


def modality_of(options: FeatureSpec) -> str:
    """Name the modality whose own files a block's kind reads; empty where it takes what others read too."""
    return CATALOG[options.kind].modality


def reads_anatomy(options: FeatureSpec) -> bool:
    """Whether a block's kind takes what the anatomical preprocessing measures."""
    return bool(CATALOG[options.kind].needs & {"density", "volumes"})


def reads_task(options: FeatureSpec) -> bool:
    """Whether a block's kind takes the contrasts of a task."""
    return "contrasts" in CATALOG[options.kind].needs


def reads_voxels(options: FeatureSpec) -> bool:
    """Whether a block's kind takes maps of all voxels of BOLD."""
    return "maps" in CATALOG[options.kind].needs


def reads_bold(options: FeatureSpec) -> bool:
    """Whether a block's kind takes BOLD, or what is made of it."""
    return not (reads_tables(options) or reads_anatomy(options) or modality_of(options))


def reads_images(options: FeatureSpec) -> bool:
    """Whether a block's kind takes BOLD or the anatomy, or what is made of them."""
    return reads_bold(options) or reads_anatomy(options)


def measure_of(options: FeatureSpec) -> str:
    """Name the measure of a block: as given, else the kind's default."""
    return options.measure or CATALOG[options.kind].measures[0]


def check_feature(spec: FeatureSpec, index: int) -> None:
    """Check one ``[[features]]`` block against the catalog.

    Parameters
    ----------
    spec
        The block.
    index
        Its place in the analysis file, from 0, for the message.

    Raises
    ------
    AnalysisFileError
        Unknown kind, a key the kind does not take, an unknown measure, or what the kind itself objects to.
    """
    where = f"features[{index}]"
    kind = CATALOG.get(spec.kind)
    if kind is None:
        raise AnalysisFileError(f"{where}: there is no feature kind {spec.kind!r}", hint=near_names(spec.kind, CATALOG))
    # An effective analysis is written with all its defaults, and must load again.
    given = {key for key, entry in type(spec).model_fields.items() if getattr(spec, key) != entry.default}
    extra = sorted(given - kind.keys - {"kind", "name"} - ({"options"} if kind.settings else set()))
    if extra:
        raise AnalysisFileError(
            f"{where}: kind {spec.kind!r} does not take {', '.join(map(repr, extra))}",
            hint=f"it takes: {', '.join(sorted(kind.keys))}",
        )
    if spec.measure is not None and spec.measure not in kind.measures:
        raise AnalysisFileError(
            f"{where}: kind {spec.kind!r} has no measure {spec.measure!r}",
            hint=near_names(spec.measure, kind.measures),
        )
    complaint = kind.complain(spec)
    if complaint:
        raise AnalysisFileError(f"{where}: {complaint}", hint="`bidsml schema` describes every key")
