"""Confounds of one scan: named sets of columns, head motion, and volumes before the steady state."""

import json
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bidsml.errors import AnalysisFileError, DataError, MissingInputError, near_names
from bidsml.records import FloatArray, Scan
from bidsml.spec import DenoiseSpec

HEAD_RADIUS_MM = 50.0
TRANSLATIONS = ("trans_x", "trans_y", "trans_z")
ROTATIONS = ("rot_x", "rot_y", "rot_z")


@dataclass(frozen=True)
class Strategy:
    """A named set of confounds, as arguments of nilearn's ``load_confounds``."""

    components: tuple[str, ...]
    options: Mapping[str, str | int]
    summary: str
    reference: str = ""


_FRISTON = "Friston et al. 1996, Magn Reson Med 35:346, doi:10.1002/mrm.1910350312"
_COMPCOR = (
    "Behzadi et al. 2007, NeuroImage 37:90, doi:10.1016/j.neuroimage.2007.04.042; "
    "Muschelli et al. 2014, NeuroImage 96:22, doi:10.1016/j.neuroimage.2014.03.028"
)
_COMPCOR_OPTIONS: Mapping[str, str | int] = {"motion": "derivatives", "compcor": "anat_separated", "n_compcor": 5}

STRATEGIES: Mapping[str, Strategy] = MappingProxyType(
    {
        "none": Strategy((), {}, "no regressors"),
        "6p": Strategy(("motion",), {"motion": "basic"}, "6 realignment parameters", _FRISTON),
        "24p": Strategy(
            ("motion",), {"motion": "full"}, "6 realignment parameters, derivatives, squares of both", _FRISTON
        ),
        "9p": Strategy(
            ("motion", "wm_csf", "global_signal"),
            {"motion": "basic", "wm_csf": "basic", "global_signal": "basic"},
            "6 realignment parameters, white matter, CSF and global signal",
            "Fox et al. 2005, PNAS 102:9673, doi:10.1073/pnas.0504136102",
        ),
        "36p": Strategy(
            ("motion", "wm_csf", "global_signal"),
            {"motion": "full", "wm_csf": "full", "global_signal": "full"},
            "the 9 of 9p, their derivatives, and squares of both",
            "Satterthwaite et al. 2013, NeuroImage 64:240, doi:10.1016/j.neuroimage.2012.08.052",
        ),
        "acompcor": Strategy(
            ("motion", "high_pass", "compcor"),
            _COMPCOR_OPTIONS,
            "12 motion parameters, the first 5 principal components each of white matter and CSF",
            _COMPCOR,
        ),
        "acompcor+gsr": Strategy(
            ("motion", "high_pass", "compcor", "global_signal"),
            {**_COMPCOR_OPTIONS, "global_signal": "basic"},
            "acompcor and the global signal",
            _COMPCOR,
        ),
        "aroma": Strategy(
            ("wm_csf", "ica_aroma"),
            {"wm_csf": "basic", "ica_aroma": "basic"},
            "ICA-AROMA's noise components (aggressive), white matter and CSF signal",
            "Pruim et al. 2015, NeuroImage 112:267, doi:10.1016/j.neuroimage.2015.02.064",
        ),
    }
)


@dataclass(frozen=True, eq=False)
class Confounds:
    """Confounds of one scan.

    Attributes
    ----------
    table
        ``(n_volumes, n_regressors)``, finite.
    fd_mm
        Framewise displacement ``(n_volumes,)``, first value NaN; empty where motion is not known.
    dvars
        Standardised DVARS where the table has it, else DVARS; empty where it has neither.
    non_steady
        ``(n_volumes,)``: volumes before the steady state.
    """

    table: pd.DataFrame
    fd_mm: FloatArray = field(default_factory=lambda: np.empty(0))
    dvars: FloatArray = field(default_factory=lambda: np.empty(0))
    non_steady: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, dtype=np.bool_))
    warnings: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the regressors."""
        return tuple(str(name) for name in self.table.columns)


def check_denoise(denoise: DenoiseSpec) -> None:
    """Check the strategy's name before anything runs.

    Raises
    ------
    AnalysisFileError
        There is no strategy of that name.
    """
    if not denoise.columns and denoise.strategy not in STRATEGIES:
        raise AnalysisFileError(
            f"denoise.strategy: there is no strategy {denoise.strategy!r}",
            hint=near_names(denoise.strategy, STRATEGIES),
        )


def load_confounds(scan: Scan, denoise: DenoiseSpec) -> Confounds:
    """Read the confounds table of a scan, and choose the regressors.

    Named strategies are realised by ``nilearn.interfaces.fmriprep.load_confounds`` (fMRIPrep 1.2 and later).
    fMRIPrep's cosine columns are left out where ``denoise.high_pass_hz`` filters anyway: the same filter is
    applied to signals and regressors, so they would only cost degrees of freedom.

    Raises
    ------
    AnalysisFileError
        Unknown strategy.
    DataError
        A column is absent, or holds something that is not a number beyond the first volumes.
    MissingInputError
        Regressors are asked for, and the scan has no confounds table.
    """
    check_denoise(denoise)
    if scan.confounds is None:
        if denoise.columns or denoise.strategy != "none":
            raise MissingInputError(
                f"{scan.path}: there is no confounds table beside it",
                hint='give derivatives with confounds, or set denoise.strategy = "none"',
            )
        return Confounds(table=pd.DataFrame(), warnings=("head motion is not known: there is no confounds table",))
    table = read_confounds_table(scan.confounds)
    if denoise.columns:
        chosen = _by_name(table, denoise.columns, path=scan.confounds)
    else:
        chosen = _by_strategy(table, denoise.strategy, path=scan.confounds)
    if denoise.high_pass_hz:
        chosen = chosen.loc[:, [c for c in chosen if c in denoise.columns or not str(c).startswith("cosine")]]
    fd_mm, notes = framewise_displacement(table)
    return Confounds(
        table=_finite(chosen, path=scan.confounds),
        fd_mm=fd_mm,
        dvars=_dvars(table),
        non_steady=_non_steady(table),
        warnings=notes,
    )


def read_confounds_table(path: Path) -> pd.DataFrame:
    """Read a confounds TSV; every column numeric, ``n/a`` as NaN.

    Raises
    ------
    DataError
        Not UTF-8, not a table, fewer than two rows, or text where numbers should be.
    """
    try:
        table = pd.read_csv(path, sep="\t", na_values=["n/a"], encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8 text: byte 0x{error.object[error.start]:02x}",
            hint=f"probably Latin-1; convert it: iconv -f LATIN1 -t UTF-8 '{path.name}'",
        ) from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"{path} is not a readable table: {error}", hint="fetch or make the file again") from error
    except OSError as error:
        raise MissingInputError(f"{path} cannot be read: {error}", hint=f"datalad get {path}") from error
    text = [str(name) for name in table if not pd.api.types.is_numeric_dtype(table[name])]
    if text or len(table) < 2:
        found = "no rows" if table.empty else f"text in column {text[0]!r}" if text else "one row"
        raise DataError(f"{path}: expected numbers in every column, found {found}", hint="repair the table")
    return table


def framewise_displacement(table: pd.DataFrame) -> tuple[FloatArray, tuple[str, ...]]:
    """Take framewise displacement in mm from the table, or compute it from the motion parameters.

    Sum of the absolute differences of the six parameters (mm and radians), rotations as arcs on a sphere of
    50 mm: Power et al. 2012, NeuroImage 59:2142, doi:10.1016/j.neuroimage.2011.10.018.

    Returns
    -------
    fd_mm
        ``(n_volumes,)``, first value NaN; empty where neither is there.
    notes
        What the reader of the report must know about it.
    """
    if "framewise_displacement" in table:
        return table["framewise_displacement"].to_numpy(dtype=np.float64), ()
    if not {*TRANSLATIONS, *ROTATIONS} <= set(table.columns):
        return np.empty(0), ("head motion is not known: the confounds table has no motion parameters",)
    steps = table[[*TRANSLATIONS, *ROTATIONS]].diff().abs().to_numpy(dtype=np.float64)
    fd_mm = steps[:, :3].sum(axis=1) + HEAD_RADIUS_MM * steps[:, 3:].sum(axis=1)
    return fd_mm, ("framewise displacement was computed from the six motion parameters (Power 2012)",)


def _dvars(table: pd.DataFrame) -> FloatArray:
    for name in ("std_dvars", "dvars"):
        if name in table:
            return np.asarray(table[name], dtype=np.float64)
    return np.empty(0)


def _non_steady(table: pd.DataFrame) -> NDArray[np.bool_]:
    columns = [name for name in table if str(name).startswith("non_steady_state")]
    return np.asarray((table[columns] > 0).to_numpy().any(axis=1), dtype=np.bool_)


def _by_name(table: pd.DataFrame, columns: tuple[str, ...], *, path: Path) -> pd.DataFrame:
    for name in columns:
        if name not in table:
            raise DataError(f"{path} has no column {name!r}", hint=near_names(name, table.columns))
    return table[list(columns)]


def _by_strategy(table: pd.DataFrame, strategy: str, *, path: Path) -> pd.DataFrame:
    """Let nilearn choose the columns of a named strategy."""
    from nilearn.interfaces.fmriprep import load_confounds as choose

    wanted = STRATEGIES[strategy]
    if not wanted.components:
        return table[[]]
    try:
        with _staged(table, path, sidecar="compcor" in wanted.components) as image, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            chosen, _ = choose(image, strategy=wanted.components, demean=False, **wanted.options)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path.with_suffix('.json')}:{error.lineno} is not valid JSON: {error.msg}", hint="mend the file"
        ) from error
    except (TypeError, AttributeError, RecursionError) as error:
        # The table has been checked: these come from entries that are none.
        raise DataError(
            f"{path.with_suffix('.json')} does not describe the components as fMRIPrep does: {error}",
            hint="fetch or make the file again, or choose another denoise.strategy",
        ) from error
    except (ValueError, KeyError) as error:
        raise DataError(
            f"{path}: strategy {strategy!r} ({wanted.summary}) finds not all of its columns: {error}",
            hint=f"choose another denoise.strategy ({', '.join(STRATEGIES)}) or name denoise.columns",
        ) from error
    absent = [name for name in chosen if name not in table]
    if absent:
        raise DataError(f"{path} has no column {absent[0]!r}", hint=near_names(absent[0], table.columns))
    return table[list(chosen)]


@contextmanager
def _staged(table: pd.DataFrame, path: Path, *, sidecar: bool) -> Iterator[str]:
    """Give nilearn the table under the names it searches for, and yield the image's name.

    nilearn finds a table only by the image's name, in one folder, and takes every 'tsv' in the path for the
    extension when it looks for the JSON. The folder's name has only digits for that reason.
    """
    folder = Path(tempfile.gettempdir()) / f"bidsml-{uuid.uuid4().int}"
    folder.mkdir(mode=0o700)
    try:
        table.to_csv(folder / "sub-1_desc-confounds_timeseries.tsv", sep="\t", index=False, na_rep="n/a")
        described = path.with_suffix(".json")
        if sidecar and described.is_file():
            shutil.copyfile(described, folder / "sub-1_desc-confounds_timeseries.json")
        yield str(folder / "sub-1_desc-preproc_bold.nii.gz")
    finally:
        shutil.rmtree(folder)


def _finite(table: pd.DataFrame, *, path: Path) -> pd.DataFrame:
    """Fill the first volume of derivatives, which have none, from the second; refuse other gaps."""
    filled = table.astype(np.float64)
    if len(filled) > 1:
        filled.iloc[0] = filled.iloc[0].fillna(filled.iloc[1])
    broken = ~np.isfinite(filled.to_numpy())
    if broken.any():
        row, column = np.argwhere(broken)[0]
        raise DataError(
            f"{path}:{row + 2}: column {filled.columns[column]!r} is not a finite number",
            hint="leave that column out with denoise.columns, or repair the table",
        )
    return filled.reset_index(drop=True)
