"""Atlases: packaged sphere centres, TemplateFlow's label images where they are at hand, and the user's own files.

Nothing is ever downloaded here.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

from bidsml.errors import AnalysisFileError, DataError, MissingInputError, near_names
from bidsml.headers import READ_ERRORS, load_header, refuse_absurd
from bidsml.records import Atlas, FloatArray, IntArray
from bidsml.surfaces import hemispheres, is_surface, read_labels
from bidsml.templates import find_templateflow_files, templateflow_home

DEFAULT_SPACE = "MNI152NLin2009cAsym"
# The papers say MNI and no more; which of its variants is not known.
PACKAGED_SPACE = "MNI152"

SCHAEFER = "Schaefer et al. 2018, Cereb Cortex 28:3095, doi:10.1093/cercor/bhx179"
HARVARD_OXFORD = "Desikan et al. 2006, NeuroImage 31:968, doi:10.1016/j.neuroimage.2006.01.021"

_TEMPLATEFLOW: Mapping[str, str] = MappingProxyType(
    {
        **{f"Schaefer2018-{n}00Parcels{k}Networks": SCHAEFER for k in (7, 17) for n in range(1, 11)},
        **{f"{atlas}-th{t}": HARVARD_OXFORD for atlas in ("HOCPA", "HOCPAL", "HOSPA") for t in ("0", "25", "50")},
    }
)

_NAME_COLUMNS = ("name", "label", "region")
_NETWORK_COLUMNS = ("network", "network_label")


def list_atlases() -> tuple[str, ...]:
    """Names that :func:`load_atlas` knows: the packaged ones first, then TemplateFlow's."""
    return (*_PACKAGED, *_TEMPLATEFLOW)


def load_atlas(name: str, *, space: str | None = None) -> Atlas:
    """Load an atlas by name or path.

    Parameters
    ----------
    name
        ``power2011``, ``dosenbach2010`` or ``seitzman2018`` (spheres, packaged); a TemplateFlow atlas such as
        ``Schaefer2018-100Parcels7Networks``; a BIDS-Atlas folder; a NIfTI label image with a TSV of the
        same stem beside it; or labels on surfaces: ``.dlabel.nii``, or the left hemisphere's ``.label.gii`` or
        ``.annot`` with the right one's beside it.
    space
        Template for a TemplateFlow atlas; default MNI152NLin2009cAsym. Other atlases come in one space.

    Raises
    ------
    AnalysisFileError
        There is no atlas of that name.
    MissingInputError
        A file is not there, or the TemplateFlow atlas was not downloaded yet.
    DataError
        Label image and table do not agree.
    """
    if name in _PACKAGED:
        return _PACKAGED[name]()
    path = Path(name)
    if is_surface(path):
        return _from_surface(path)
    if path.is_dir() or path.suffix in (".nii", ".gz") or "/" in name:
        return _from_path(path)
    if name in _TEMPLATEFLOW:
        return _from_templateflow(name, space or DEFAULT_SPACE)
    raise AnalysisFileError(f"there is no atlas {name!r}", hint=near_names(name, list_atlases()))


# ------------------------------------------------------------------ packaged with nilearn


def _power2011() -> Atlas:
    from nilearn.datasets import fetch_coords_power_2011

    rois = fetch_coords_power_2011().rois
    return Atlas(
        name="power2011",
        space=PACKAGED_SPACE,
        names=tuple(f"Power-{number:03d}" for number in rois["roi"]),
        coordinates_mm=_coordinates(rois),
        radius_mm=5.0,
        reference="Power et al. 2011, Neuron 72:665, doi:10.1016/j.neuron.2011.09.006",
    )


def _dosenbach2010() -> Atlas:
    from nilearn.datasets import fetch_coords_dosenbach_2010

    found = fetch_coords_dosenbach_2010()
    return Atlas(
        name="dosenbach2010",
        space=PACKAGED_SPACE,
        names=tuple(str(label).strip() for label in found.labels),
        coordinates_mm=_coordinates(found.rois),
        radius_mm=5.0,
        networks=tuple(str(network) for network in found.networks),
        reference="Dosenbach et al. 2010, Science 329:1358, doi:10.1126/science.1194144",
    )


def _seitzman2018() -> Atlas:
    from nilearn.datasets import fetch_coords_seitzman_2018

    found = fetch_coords_seitzman_2018()
    numbers = [int(row) + 1 for row in found.rois.index]
    return Atlas(
        name="seitzman2018",
        space=PACKAGED_SPACE,
        names=tuple(
            f"{network}-{region}-{number:03d}"
            for network, region, number in zip(found.networks, found.regions, numbers, strict=True)
        ),
        coordinates_mm=_coordinates(found.rois),
        radii_mm=tuple(float(radius) for radius in found.radius),
        networks=tuple(str(network) for network in found.networks),
        reference="Seitzman et al. 2020, NeuroImage 206:116290, doi:10.1016/j.neuroimage.2019.116290",
    )


def _coordinates(rois: pd.DataFrame) -> FloatArray:
    return rois[["x", "y", "z"]].to_numpy(dtype=np.float64)  # type: ignore[no-any-return]


_PACKAGED: Mapping[str, Callable[[], Atlas]] = MappingProxyType(
    {"power2011": _power2011, "dosenbach2010": _dosenbach2010, "seitzman2018": _seitzman2018}
)


# ------------------------------------------------------------------ TemplateFlow


def _from_templateflow(name: str, space: str) -> Atlas:
    """Load a label image that TemplateFlow downloaded before."""
    atlas, _, desc = name.partition("-")
    images = find_templateflow_files(space, f"*_atlas-{atlas}_*desc-{desc}_dseg.nii.gz")
    tables = find_templateflow_files(space, f"*_atlas-{atlas}_*desc-{desc}_dseg.tsv")
    tables = tables or find_templateflow_files(space, f"*_atlas-{atlas}_dseg.tsv")
    if not images or not tables:
        raise MissingInputError(
            f"atlas {name} in {space} is not in {templateflow_home()}, and nothing is downloaded during a run",
            hint='download it once where there is a network: python -c "from templateflow import api; '
            f"api.get('{space}', atlas='{atlas}', desc='{desc}', suffix='dseg')\", and set TEMPLATEFLOW_HOME to "
            f"that folder; or use an atlas that needs no download: {', '.join(_PACKAGED)}",
        )
    # 2 mm is enough for BOLD, and eight times smaller than 1 mm.
    image = next((path for path in images if re.search(r"_res-0*2_", path.name)), images[0])
    return _read_labels(image, tables[0], name=name, space=space, reference=_TEMPLATEFLOW[name])


# ------------------------------------------------------------------ files


def _from_path(path: Path) -> Atlas:
    if path.is_dir():
        path = _image_in(path)
    stem = re.sub(r"\.nii(\.gz)?$", "", path.name)
    table = path.with_name(f"{stem}.tsv")
    for needed, what in ((path, "label image"), (table, "table with the columns index and name")):
        if not needed.is_file():
            raise MissingInputError(
                f"atlas: there is no {what} {needed}",
                hint=f"give a NIfTI label image and a TSV of the same stem, or one of {', '.join(_PACKAGED)}",
            )
    entities = dict(part.partition("-")[::2] for part in stem.split("_") if "-" in part)
    name = entities.get("atlas") or entities.get("seg") or re.sub(r"[^A-Za-z0-9]+", "", stem)
    return _read_labels(path, table, name=name, space=entities.get("space") or entities.get("tpl") or "", reference="")


def _from_surface(path: Path) -> Atlas:
    labels = read_labels(path)
    entities = dict(part.partition("-")[::2] for part in path.name.split("_") if "-" in part)
    stem = re.sub(r"^lh\.|\.(annot|label\.gii|dlabel\.nii)$", "", path.name)
    return Atlas(
        name=entities.get("atlas") or entities.get("seg") or re.sub(r"[^A-Za-z0-9]+", "", stem),
        space=labels.space,
        names=labels.names,
        coordinates_mm=np.full((len(labels.names), 3), np.nan),
        networks=networks_in_names(labels.names),
        surfaces=hemispheres(path),
    )


def _image_in(folder: Path) -> Path:
    found = sorted(folder.glob("*_dseg.nii.gz")) + sorted(folder.glob("*_dseg.nii"))
    if not found:
        raise MissingInputError(f"{folder} holds no atlas-*_dseg.nii.gz", hint="is it a BIDS-Atlas folder?")
    if len(found) > 1:
        raise AnalysisFileError(
            f"{folder} holds {len(found)} atlases: {', '.join(path.name for path in found[:10])}",
            hint="name one of these files as the atlas",
        )
    return found[0]


def _read_labels(image: Path, table: Path, *, name: str, space: str, reference: str) -> Atlas:
    """Read a label image and its table, and check that they agree.

    A label of the table that the image lacks stays: that region will be missing, and the list of regions never
    depends on the image.
    """
    regions = _read_table(table)
    numbers = regions["index"].to_numpy(dtype=np.int64)
    labels, affine = _read_image(image)
    unnamed = np.setdiff1d(np.unique(labels[labels != 0]), numbers)
    if len(unnamed):
        raise DataError(
            f"{image} has {len(unnamed)} labels that {table.name} does not name, the first is {unnamed[0]}",
            hint="image and table must belong to one version of the atlas",
        )
    return Atlas(
        name=name,
        space=space,
        names=tuple(regions["name"]),
        coordinates_mm=_centres(labels, affine, numbers=numbers),
        labels=tuple(int(number) for number in numbers),
        image=image,
        networks=_networks(regions),
        reference=reference,
    )


def _read_table(path: Path) -> pd.DataFrame:
    """Table of regions with the columns ``index``, ``name`` and perhaps ``network``; background left out."""
    try:
        table = pd.read_csv(path, sep="\t", dtype=str, encoding="utf-8-sig", keep_default_na=False)
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(
            f"{path} is not a readable UTF-8 table: {error}", hint="save it as tab-separated UTF-8"
        ) from error
    table.columns = [str(column).strip().lower() for column in table.columns]
    name = next((column for column in _NAME_COLUMNS if column in table), None)
    if "index" not in table or name is None:
        raise DataError(
            f"{path}: expected the columns index and name, found {', '.join(table.columns)}",
            hint="see the BIDS specification on dseg.tsv",
        )
    numbers = pd.to_numeric(table["index"], errors="coerce")
    if numbers.isna().any() or (numbers % 1 != 0).any():
        row = int(np.flatnonzero(numbers.isna() | (numbers % 1 != 0))[0])
        raise DataError(f"{path}:{row + 2}: index {table['index'].iloc[row]!r} is not a whole number", hint="repair it")
    found = pd.DataFrame({"index": numbers.astype("int64"), "name": table[name].str.strip()})
    network = next((column for column in _NETWORK_COLUMNS if column in table), None)
    if network is not None:
        found["network"] = table[network].str.strip()
    found = found[found["index"] != 0].reset_index(drop=True)
    for column in ("index", "name"):
        twice = found[column][found[column].duplicated()]
        if len(twice) or found.empty:
            what = f"{column} {twice.astype(object).iloc[0]!r} twice" if len(twice) else "no region"
            raise DataError(f"{path}: every region needs its own {column}, found {what}", hint="repair the table")
    return found


def _read_image(path: Path) -> tuple[IntArray, FloatArray]:
    """Labels ``(x, y, z)`` as integers, and the affine."""
    image = load_header(path)
    refuse_absurd(path, image.shape, itemsize=int(image.dataobj.dtype.itemsize), offset=int(image.dataobj.offset))
    try:
        values = np.asarray(image.dataobj).squeeze()
    except READ_ERRORS as error:
        raise DataError(f"{path} is damaged: {error}", hint="fetch the file again") from error
    if values.ndim != 3:
        raise DataError(
            f"{path}: expected a 3-D label image, found shape {values.shape}",
            hint="probabilistic atlases are not supported; give a dseg image",
        )
    if not np.array_equal(values, np.rint(values)):
        raise DataError(f"{path}: expected whole numbers as labels", hint="resample labels with nearest neighbour")
    return values.astype(np.int64), np.asarray(image.affine, dtype=np.float64)


def _centres(labels: IntArray, affine: FloatArray, *, numbers: IntArray) -> FloatArray:
    """Centre of mass of every label in mm, ``(n_regions, 3)``; NaN for one that is not in the image."""
    occupied = np.argwhere(labels != 0)
    position = np.searchsorted(np.sort(numbers), labels[tuple(occupied.T)])
    size = np.bincount(position, minlength=len(numbers)).astype(np.float64)
    sums = np.stack([np.bincount(position, weights=axis, minlength=len(numbers)) for axis in occupied.T], axis=1)
    voxel = np.divide(sums, size[:, None], out=np.full_like(sums, np.nan), where=size[:, None] > 0)
    in_order = np.empty_like(voxel)
    in_order[np.argsort(numbers)] = voxel
    centres: FloatArray = in_order @ affine[:3, :3].T + affine[:3, 3]
    return centres


def _networks(regions: pd.DataFrame) -> tuple[str, ...]:
    """Network of every region: from its column, or from Schaefer's names (``7Networks_LH_Vis_1``)."""
    return tuple(regions["network"]) if "network" in regions else networks_in_names(regions["name"])


def networks_in_names(regions: Iterable[str]) -> tuple[str, ...]:
    """Read the network of every region from names such as Schaefer's; empty where one has none.

    >>> networks_in_names(["7Networks_LH_Vis_1", "7Networks_RH_Default_PFC_2"])
    ('Vis', 'Default')
    """
    matches = [re.match(r"\d+Networks_[LR]H_([A-Za-z]+)", name) for name in regions]
    return tuple(match[1] for match in matches if match) if all(matches) else ()
