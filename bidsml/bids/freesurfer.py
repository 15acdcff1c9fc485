"""Read FreeSurfer's ``.stats`` files.

Format: ``# Measure structure, name, description, value, unit`` lines, ``# ColHeaders`` with the columns, and one row
per structure (mri_segstats and mris_anatomical_stats, FreeSurfer 5 to 8).
"""

from pathlib import Path

from bidsml.bids.textfiles import read_text
from bidsml.errors import DataError

# Columns that number or name a structure instead of measuring it.
_NOT_MEASURED = {"Index", "SegId", "StructName"}


def read_stats(path: Path) -> dict[str, str]:
    """Every number of a ``.stats`` file as text.

    Returns
    -------
    dict
        ``# Measure`` lines by their short name (``BrainSegVol``, mm³; in a surface file with the hemisphere before it,
        ``lh_MeanThickness``), the volume of each structure of a segmentation (``Left-Hippocampus_Volume_mm3``), and
        every column of a surface file as ``{hemi}_{StructName}_{column}`` (``lh_bankssts_ThickAvg``, mm).

    Raises
    ------
    DataError
        The file is not in this format.
    """
    lines = read_text(path).splitlines()
    surface = path.name[:3] in ("lh.", "rh.")
    prefix = f"{path.name[:2]}_" if surface else ""
    found: dict[str, str] = {}
    columns: list[str] = []
    for number, line in enumerate(lines, start=1):
        if line.startswith("# Measure "):
            name, value = _measure(line, where=f"{path}:{number}")
            _keep(found, prefix + name, value, where=f"{path}:{number}")
        elif line.startswith("# ColHeaders"):
            columns = line.split()[2:]
        elif line.strip() and not line.startswith("#"):
            for name, value in _row(line.split(), columns, where=f"{path}:{number}").items():
                _keep(found, prefix + name, value, where=f"{path}:{number}")
    if not found:
        raise DataError(f"{path} holds no FreeSurfer statistics", hint="give a file such as aseg.stats")
    return found


def _keep(found: dict[str, str], name: str, value: str, *, where: str) -> None:
    if found.setdefault(name, value) != value:
        raise DataError(f"{where}: {name} is there twice, as {found[name]} and as {value}", hint="mend the file")


def _measure(line: str, *, where: str) -> tuple[str, str]:
    fields = [field.strip() for field in line.removeprefix("# Measure ").split(",")]
    # The description may hold commas: the value is the last field but one.
    if len(fields) < 5:
        raise DataError(f"{where}: a Measure line has 5 fields, found {len(fields)}", hint="run FreeSurfer again")
    return fields[1], fields[-2]


def _row(cells: list[str], columns: list[str], *, where: str) -> dict[str, str]:
    if "StructName" not in columns or len(cells) != len(columns):
        raise DataError(
            f"{where}: expected {len(columns)} cells with a StructName, found {len(cells)}", hint="run FreeSurfer again"
        )
    row = dict(zip(columns, cells, strict=True))
    # A segmentation's other columns are voxel counts and image intensities: of the scanner, not of the anatomy.
    wanted = ["Volume_mm3"] if "Volume_mm3" in row else [name for name in columns if name not in _NOT_MEASURED]
    return {f"{row['StructName']}_{name}": row[name] for name in wanted}
