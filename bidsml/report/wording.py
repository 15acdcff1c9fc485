"""Numbers and names in words: one place, so that a figure reads the same in a sentence, a table and an alt text."""

import math
import re
from collections.abc import Iterable, Sequence

from bidsml.spec import column_name

METRIC_NAMES = {
    "roc_auc": "AUC",
    "balanced_accuracy": "balanced accuracy",
    "accuracy": "accuracy",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "pr_auc": "area under the precision-recall curve",
    "brier": "Brier score",
    "log_loss": "log loss",
    "calibration_slope": "calibration slope",
    "calibration_intercept": "calibration intercept",
    "r2": "R²",
    "mae": "mean absolute error",
    "pearson": "Pearson correlation",
    "spearman": "Spearman correlation",
}
LOWER_IS_BETTER = frozenset({"mae", "brier", "log_loss"})
UNIT_RANGE = frozenset({"roc_auc", "balanced_accuracy", "accuracy", "pr_auc", "r2", "pearson", "spearman"})
"""Metrics whose best value is 1, and for which a gap of 0.3 is large."""

CHANCE = {"roc_auc": 0.5, "r2": 0.0, "pearson": 0.0, "spearman": 0.0}
"""Value of an uninformative model, for metrics where it does not depend on the classes."""

METRIC_MEANING = {
    "roc_auc": "the share of pairs of one person of each class that the model puts in the right order: "
    "0.5 is guessing, 1 is perfect",
    "balanced_accuracy": "the mean over classes of the share of people put in the right class",
    "accuracy": "the share of people put in the right class",
    "r2": "the share of the outcome's variance that is predicted: 0 is no better than always saying the training mean, "
    "1 is perfect, below 0 is worse than the mean",
    "mae": "the mean distance between predicted and observed outcome, in the outcome's own units: smaller is better",
    "pearson": "the linear correlation of predicted and observed outcome: 0 is guessing, 1 is perfect",
    "spearman": "the rank correlation of predicted and observed outcome: 0 is guessing, 1 is perfect",
}

ESTIMATOR_NAMES = {
    "ridge": "ridge regression",
    "logistic": "logistic regression",
    "linear_svm": "a linear support vector machine (squared hinge loss)",
    "hinge_svm": "a linear support vector machine (hinge loss)",
    "lda": "linear discriminant analysis",
    "forest": "a random forest",
    "boosting": "gradient boosting",
    "rbf_svm": "a support vector machine with a radial basis function kernel",
}

INTERVAL_WAYS = {
    "Nadeau-Bengio": "t interval over the test folds, widened because their training sets overlap",
    "unit bootstrap, widened for training": "the tested people (or units) are drawn again with replacement; widened, "
    "since with other people the model would have been trained on others too",
    "unit bootstrap": "the tested people (or units) are drawn again with replacement, the models taken as given",
    "DeLong": "a formula for areas under the curve that takes the fitted models as given: a cross-check, too narrow",
}
"""How intervals are made, in words."""

MODEL_NAMES = {
    "biomarker": "biomarker",
    "nuisance": "confounds alone",
    "nuisance+biomarker": "confounds + biomarker",
    "majority": "always the commonest class",
    "biomarker - nuisance": "biomarker minus confounds",
    "nuisance+biomarker - nuisance": "gain when added to confounds",
    "biomarker - majority": "biomarker minus commonest class",
}


MOTION = re.compile(r"(?<![a-z])(fd|motion|movement|dvars)(?![a-z])|framewise", re.IGNORECASE)
"""Names of columns that measure head motion; an underscore is no part of a word here."""


KIND_NAMES = {
    "connectome": "functional connectivity",
    "network_connectivity": "connectivity of networks",
    "dynamic_connectivity": "variability of functional connectivity",
    "graph_measures": "graph measures of functional connectivity",
    "seed_map": "functional connectivity of seeds",
    "reho": "regional homogeneity",
    "roi_signal": "signal variability",
    "amplitude": "signal amplitude",
    "gray_matter": "grey-matter density",
    "morphometry": "regional brain volumes",
    "task_contrast": "responses to a task",
    "phenotype": "questionnaires and tests",
    "table": "values from tables",
    "freesurfer": "FreeSurfer's morphometry",
    "image_quality": "image quality",
    "diffusion": "diffusion",
    "eeg_power": "band power of EEG or MEG",
    "eeg_covariance": "covariance of EEG or MEG channels",
}
"""What a kind of features is."""

MEASURE_NAMES = {
    "correlation": "Pearson correlation",
    "partial": "partial correlation",
    "tangent": "tangent space",
    "sd": "standard deviation",
    "mssd": "mean square successive difference",
    "window_sd": "standard deviation over sliding windows",
    "seed_z": "Fisher z",
    "kendall_w": "Kendall's W",
    "kendall_w_of_brain": "Kendall's W relative to the brain's mean",
    "alff": "ALFF",
    "falff": "fractional ALFF",
    "density": "",
    "volume": "",
    "volume_of_brain": "as a share of the brain",
    "relative": "relative power",
    "absolute": "absolute power",
    "covariance": "",
    "thickness": "cortical thickness",
    "fa": "fractional anisotropy",
    "md": "mean diffusivity",
    "ad": "axial diffusivity",
    "rd": "radial diffusivity",
    "mk": "mean kurtosis",
    "ak": "axial kurtosis",
    "rk": "radial kurtosis",
    "icvf": "intracellular volume fraction",
    "isovf": "isotropic volume fraction",
    "od": "orientation dispersion",
    "gfa": "generalised fractional anisotropy",
    "area": "cortical area",
    "volume_of_etiv": "as a share of the intracranial volume",
    "subcortical": "subcortical volumes",
    "subcortical_of_etiv": "subcortical volumes as a share of the intracranial volume",
    "effect": "percent signal change",
    "z": "z values",
    "value": "",
}

_COLUMN_NAMES = {
    "mean_fd": "mean head motion",
    "minutes_kept": "minutes of data kept",
    "coverage": "share of features measured",
}


def name_column(reference: str) -> str:
    """Name a column for readers: without the file that it is read from, and head motion by what it is.

    >>> name_column("{mriqc}/sub-{participant}/func/sub-{participant}_bold.json:fd_mean"), name_column("mean_fd")
    ('fd_mean', 'mean head motion')
    """
    column = column_name(reference)
    return _COLUMN_NAMES.get(column, column)


def name_columns(references: Iterable[str]) -> str:
    """Name several columns in a sentence, each once."""
    return listing([name_column(one) for one in dict.fromkeys(references)])


def name_metric(metric: str) -> str:
    """Say a metric's name as a reader of papers knows it."""
    return METRIC_NAMES.get(metric, metric)


def spell_metric(name: str) -> str:
    """Spell out the name of a metric for a paper.

    >>> spell_metric("macro one-against-rest AUC")
    'macro one-against-rest area under the receiver operating characteristic curve (AUC)'
    """
    return name.replace("AUC", "area under the receiver operating characteristic curve (AUC)")


def name_estimator(kind: str) -> str:
    """Say an estimator's name in a sentence, with the feature blocks where it takes not all: ``ridge:connectome``."""
    kind, _, features = kind.partition(":")
    name = ESTIMATOR_NAMES.get(kind, kind.replace("_", " "))
    return f"{name} on {features.replace('+', ' and ')}" if features else name


def name_model(model: str, task: str = "classification") -> str:
    """Say which model, or difference of models, a row is about."""
    words = MODEL_NAMES.get(model, model)
    return words.replace("commonest class", "training mean") if task == "regression" else words


def number(value: float, digits: int = 3) -> str:
    """Write a number with ``digits`` significant digits; ``n/a`` for NaN.

    >>> number(0.7), number(-12.345), number(1234.5)
    ('0.700', '−12.3', '1234')
    """
    if not math.isfinite(value):
        return "n/a" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    if value == 0:
        return "0"
    text = f"{value:.{digits - 1}e}"
    exponent = int(text.partition("e")[2])  # of the rounded number: 0.00995 to two digits is 0.010
    if -5 < exponent < 6:
        text = f"{value:.{max(0, digits - 1 - exponent)}f}"
    return text.replace("-", "−")


def estimate(value: float) -> str:
    """Write a metric or a difference of metrics: three decimals below 1, else three significant digits."""
    if not math.isfinite(value) or abs(value) >= 1:
        return number(value)
    return f"{value:.3f}".replace("-0.000", "0.000").replace("-", "−")


def interval(low: float, high: float) -> str:
    """Write a 95 % interval, or say that there is none."""
    if math.isnan(low) or math.isnan(high):
        return "no interval"
    if low == high:
        return "always the same"
    return f"{estimate(low)} to {estimate(high)}"


def p_value(p: float, *, floor: float = math.nan, draws: int = 0) -> str:
    """Write a p-value; at the floor of a permutation test, say that it is the floor.

    >>> p_value(1 / 201, floor=1 / 201, draws=200)
    "p < 0.005 (at the floor: 200 draws can't show less)"
    """
    if math.isnan(p):
        return "not tested"
    if not math.isnan(floor) and p <= floor * (1 + 1e-9):
        return f"{_bound(p)} (at the floor: {draws} draws can't show less)" if draws else f"{_bound(p)} (at the floor)"
    return f"p = {number(p, 2)}" if p >= 1e-4 else "p < 0.0001"


def _bound(p: float) -> str:
    """``p < x`` with x the next larger number of two digits, or ``p = x`` where it is that number."""
    scale = 10.0 ** (1 - math.floor(math.log10(p)))
    above = math.ceil(p * scale * (1 - 1e-9)) / scale
    return f"p {'=' if math.isclose(p, above, rel_tol=1e-6) else '<'} {above:g}"


def percent(share: float) -> str:
    """Write a share as a percentage."""
    return "n/a" if math.isnan(share) else f"{100 * share:.1f} %".replace(".0 %", " %")


def plural(count: int, one: str, many: str = "") -> str:
    """Write a count with its noun.

    >>> plural(1, "fold"), plural(3, "fold")
    ('1 fold', '3 folds')
    """
    return f"{count} {one if count == 1 else many or one + 's'}"


def start_sentence(text: str) -> str:
    """Write the first letter large, and leave the rest as it is.

    >>> start_sentence("mean absolute error of AUC")
    'Mean absolute error of AUC'
    """
    return text[:1].upper() + text[1:]


def listing(items: Sequence[str], *, limit: int = 8) -> str:
    """Join names with commas and an ``and``, at most ``limit`` of them."""
    shown = list(items[:limit])
    if len(items) > limit:
        return ", ".join(shown) + f" and {len(items) - limit} more"
    return shown[0] if len(shown) == 1 else ", ".join(shown[:-1]) + " and " + shown[-1] if shown else "none"


_FOLDERS = re.compile(r"(?<![\w/:.])/(?:[^\s/'\"]+/)+([^\s/'\"]*)")

# As analysis files name them: {NAME} is a folder of --derivatives.
_NAMED_FILE = re.compile(r"\{([\w-]+)\}/(?:[^\s/'\"]+/)*([^\s/'\",;]+)")


def hide_folders(text: str) -> str:
    """Keep only the last part of absolute paths: a report is passed on, and folders tell about people and machines.

    >>> hide_folders("cannot read /data/study/sub-01.nii.gz: truncated")
    'cannot read …/sub-01.nii.gz: truncated'

    A file that an analysis names for everyone is told by its name and its folder's:

    >>> hide_folders("not in {mriqc}/sub-{participant}/anat/sub-{participant}_T1w.json")
    'not in sub-X_T1w.json of mriqc'
    """
    told = _NAMED_FILE.sub(lambda found: f"{found[2].replace('{participant}', 'X')} of {found[1]}", text)
    return _FOLDERS.sub(r"…/\1", told)
