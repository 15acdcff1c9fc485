"""Methods text in sentences, each with the sources that it cites."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from types import MappingProxyType
from typing import Any

from bidsml.extension import FEATURES, Plugin, used_plugins
from bidsml.report.blocks import Paragraph, Reference
from bidsml.report.bold_text import BOLD_TEXT, say_options
from bidsml.report.modality_text import MODALITY_TEXT, RECORDED, say_recording
from bidsml.report.references import (
    BIDS,
    BIDS_APPS,
    CIRIC,
    DEERWESTER,
    DOWNEY,
    FALFF,
    GARRETT,
    GOOD,
    LEDOIT_WOLF,
    NILEARN,
    NIPYPE,
    POWER,
    PYBIDS,
    TANGENT,
    VOEVODSKAYA,
    VON_NEUMANN,
    WEINBERGER,
    ZANG,
)
from bidsml.report.wording import listing
from bidsml.spec import FeatureSpec


@dataclass(frozen=True)
class Sentence:
    """A sentence of the methods text, and the sources that it names."""

    text: str
    sources: tuple[Reference, ...] = ()


_KINDS = {
    "bold": "preprocessed BOLD images",
    "raw bold": "raw BOLD runs",
    "timeseries": "region time series made elsewhere",
    "relmat": "connectivity matrices made elsewhere",
    "t1w": "raw T1w images",
    "table": "tables of the dataset",
    "freesurfer": "the statistics of FreeSurfer's recon-all",
    "mriqc": "the image-quality metrics of MRIQC",
    "dwimap": "maps of diffusion made elsewhere",
    "diffusion": "maps of diffusion made elsewhere",
    "recording": "raw recordings of EEG or MEG",
    "eeg": "raw EEG recordings",
    "meg": "raw MEG recordings",
}
# Kinds of features that are made of cleaned voxels, and of cleaned signals at all.
_OF_VOXELS = frozenset({"seed_map", "reho"})
OF_SIGNALS = _OF_VOXELS | {
    "connectome",
    "network_connectivity",
    "dynamic_connectivity",
    "graph_measures",
    "roi_signal",
    "amplitude",
}
_PAIRED = frozenset({"connectome", "network_connectivity", "dynamic_connectivity", "graph_measures"})
_TEXT = (
    "Free text was read as counts of hashed {what} (Weinberger et al., 2009), weighed by how rare they are among the "
    "training participants and reduced to their leading directions there (latent semantic analysis; Deerwester et al., "
    "1990); neither text nor words were kept."
)
_PRORATED = Sentence(
    "Missing items counted as the person's own mean of the subscale (Downey & King, 1998), as far as the analysis "
    "allows; subscales with more gaps were left to the imputation in the folds.",
    (DOWNEY,),
)
_CONNECTIVITY = "Functional connectivity{where} was estimated as"
_MEASURES: Mapping[str, Sentence] = {
    "correlation": Sentence(f"{_CONNECTIVITY} the Pearson correlation, Fisher z transformed."),
    "partial": Sentence(
        f"{_CONNECTIVITY} the partial correlation, from a shrunken covariance (Ledoit & Wolf, 2004), "
        "Fisher z transformed.",
        (LEDOIT_WOLF,),
    ),
    "tangent": Sentence(
        f"{_CONNECTIVITY} the shrunken covariance (Ledoit & Wolf, 2004) in the tangent space at the mean of the "
        "training participants (Varoquaux et al., 2010).",
        (LEDOIT_WOLF, TANGENT),
    ),
    "sd": Sentence(
        "The variability of the signal{where} was measured as its temporal standard deviation (Garrett et al., 2010).",
        (GARRETT,),
    ),
    "mssd": Sentence(
        "The variability of the signal{where} was measured as the root mean square of its successive differences "
        "(von Neumann et al., 1941).",
        (VON_NEUMANN,),
    ),
    "alff": Sentence(
        "The amplitude of low-frequency fluctuations (ALFF) was measured{where} (Zang et al., 2007).", (ZANG,)
    ),
    "falff": Sentence(
        "The fractional amplitude of low-frequency fluctuations (fALFF) was measured{where} (Zou et al., 2008).",
        (FALFF,),
    ),
    "density": Sentence(
        "Grey-matter density, brought to the template and modulated by the Jacobian determinant of the registration "
        "(voxel-based morphometry; Good et al., 2001), was averaged{where}.",
        (GOOD,),
    ),
    "volume": Sentence(
        "The volume of grey matter{where} was measured as the sum of its density, modulated by the Jacobian "
        "determinant of the registration to the template (Good et al., 2001), and the volumes of whole tissues and of "
        "the brain in the T1w image itself.",
        (GOOD,),
    ),
    "volume_of_brain": Sentence(
        "The volume of grey matter{where} was measured as the sum of its density, modulated by the Jacobian "
        "determinant of the registration to the template (Good et al., 2001), and the volumes of whole tissues in the "
        "T1w image itself; each was divided by the brain's volume (a way compared by Voevodskaya et al., 2014).",
        (GOOD, VOEVODSKAYA),
    ),
    "effect": Sentence("Effects of contrasts of the task, in percent signal change, were averaged{where}."),
    "z": Sentence("The z values of contrasts of the task were averaged{where}."),
    "words": Sentence(_TEXT.format(what="words"), (WEINBERGER, DEERWESTER)),
    "characters": Sentence(_TEXT.format(what="runs of characters"), (WEINBERGER, DEERWESTER)),
}


def paragraph(sentences: Iterable[Sentence]) -> Paragraph:
    """Join sentences."""
    return Paragraph(" ".join(sentence.text for sentence in sentences))


def sources_of(sentences: Iterable[Sentence]) -> tuple[Reference, ...]:
    """List the sources of sentences once, in the order of the text."""
    return tuple(dict.fromkeys(source for sentence in sentences for source in sentence.sources))


def describe_software(
    version: str, packages: Mapping[str, str], *, plugins: Mapping[str, str] = MappingProxyType({})
) -> list[Sentence]:
    """Say what read the data and ran.

    Parameters
    ----------
    packages
        Versions of Python and of the packages, by their names; those that are not named here are left out.
    plugins
        Versions of the packages that offer a feature kind, an estimator or a section of the analysis.
    """
    pybids, nipype, nilearn = (_versioned(packages, name) for name in ("pybids", "nipype", "nilearn"))
    rests = Sentence(
        "Data in the Brain Imaging Data Structure (BIDS; Gorgolewski et al., 2016) were processed by bidsml "
        f"{version}, a BIDS app (Gorgolewski et al., 2017) that rests on {pybids} (Yarkoni et al., 2019), {nipype} "
        f"(Gorgolewski et al., 2011) and {nilearn}.",
        (BIDS, BIDS_APPS, PYBIDS, NIPYPE, NILEARN),
    )
    others = [_versioned(packages, name) for name in _NUMERIC if name in packages]
    sentences = [rests, Sentence(f"It ran with {listing(others)}.")] if others else [rests]
    if plugins:
        added = listing([f"{name} {number}" for name, number in sorted(plugins.items())])
        sentences.append(Sentence(f"The analysis used parts of other packages: {added}."))
    return sentences


_SPELT = {
    "pybids": "PyBIDS",
    "nipype": "Nipype",
    "nilearn": "nilearn",
    "python": "Python",
    "numpy": "NumPy",
    "scipy": "SciPy",
    "scikit-learn": "scikit-learn",
    "antspyx": "ANTsPy",
}
_NUMERIC = ("python", "numpy", "scipy", "scikit-learn", "antspyx")


def _versioned(packages: Mapping[str, str], name: str) -> str:
    return f"{_SPELT[name]} {packages.get(name, '')}".rstrip()


def describe_inputs(kinds: Sequence[str]) -> list[Sentence]:
    """Say what was read: kinds of scans, and ``raw bold`` for what was preprocessed here."""
    unique = list(dict.fromkeys(kinds))
    return [Sentence(f"The processing started from {listing([_KINDS[kind] for kind in unique])}.")] if unique else []


def describe_cleaning(denoise: Mapping[str, Any], kinds: Collection[str] = ()) -> list[Sentence]:
    """Say how the signals of BOLD images were cleaned, for these kinds of features."""
    sentences = [_say_confounds(denoise, kinds)]
    high, low = denoise.get("high_pass_hz"), denoise.get("low_pass_hz")
    if high and low:
        sentences.append(Sentence(f"Signals were band-pass filtered ({high:g} to {low:g} Hz)."))
    elif high or low:
        band = f"high-pass filtered (above {high:g} Hz)" if high else f"low-pass filtered (below {low:g} Hz)"
        sentences.append(Sentence(f"Signals were {band}."))
    if denoise.get("fd_censor_mm"):
        limit = f"{denoise['fd_censor_mm']:g} mm"
        words = f"Volumes with a framewise displacement above {limit} were censored (Power et al., 2012)."
        sentences.append(Sentence(words, (POWER,)))
    if denoise.get("min_minutes"):
        words = f"Participants with less than {denoise['min_minutes']:g} minutes of remaining data were excluded."
        sentences.append(Sentence(words))
    return sentences


def _say_confounds(denoise: Mapping[str, Any], kinds: Collection[str]) -> Sentence:
    made = OF_SIGNALS.intersection(kinds)
    of = "The signal of each voxel" if made and made <= _OF_VOXELS else "The mean signal of each region"
    also = ", and in the same way that of each voxel," if made & _OF_VOXELS and not made <= _OF_VOXELS else ""
    signals = f"{of}{also} was extracted"
    chosen = list(denoise.get("columns") or ())
    strategy = denoise.get("strategy")
    if chosen:
        return Sentence(f"{signals}, and {listing(chosen)} regressed out of it.")
    if strategy == "none":
        return Sentence(f"{signals}, without confound regression.")
    words = f"{signals}, and the {strategy} set of confounds regressed out of it (as compared by Ciric et al., 2017)."
    return Sentence(words, (CIRIC,))


def describe_features(
    blocks: Sequence[tuple[str, str, str]],
    *,
    options: Sequence[FeatureSpec] = (),
    density_fwhm_mm: float | None = None,
) -> list[Sentence]:
    """Say what each block of features is.

    Parameters
    ----------
    blocks
        ``(kind, measure, atlas)`` each.
    options
        Of each block, where they are known.
    density_fwhm_mm
        Smoothing of grey-matter density, where there is a block of it.
    """
    sentences = []
    for (kind, measure, atlas), given in zip_longest(blocks, options[: len(blocks)]):
        packages = used_plugins({FEATURES: {kind}})
        if packages:
            sentences.append(_say_added(kind, measure, atlas, packages[0]))
            continue
        if given is not None and kind in RECORDED:
            sentences.append(Sentence(*say_recording(given.recording)))
        own = MODALITY_TEXT.get((kind, measure)) or BOLD_TEXT.get((kind, measure))
        if own or measure in _MEASURES:
            made = Sentence(*own) if own else _MEASURES[measure]
            place = "between the regions" if kind in _PAIRED else "in the regions"
            where = f" {place} of the {atlas} atlas" if atlas else f" {place}"
            sentences.append(Sentence(made.text.format(where=where), made.sources))
            if given is not None and (words := say_options(given)):
                sentences.append(Sentence(words))
            if measure == "density" and density_fwhm_mm is not None:
                sentences.append(_say_smoothing(density_fwhm_mm))
        else:
            asked = kind in ("phenotype", "questionnaire")
            what = "questionnaires and tests" if asked else "tables with one row per participant"
            sentences.append(Sentence(f"Values were taken from {what}."))
            sentences += [_PRORATED] if kind == "questionnaire" else []
    return list(dict.fromkeys(sentences))


def _say_added(kind: str, measure: str, atlas: str, plugin: Plugin) -> Sentence:
    where = f" in the regions of the {atlas} atlas" if atlas else ""
    of = f"as defined by the package {plugin.package} {plugin.version}"
    return Sentence(f"The feature {kind} ({measure}) was measured{where}, {of}.")


def _say_smoothing(fwhm_mm: float) -> Sentence:
    if not fwhm_mm:
        return Sentence("The density was not smoothed before.")
    return Sentence(f"Before, the density was smoothed by a Gaussian of {fwhm_mm:g} mm full width at half maximum.")
