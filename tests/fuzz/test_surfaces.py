"""Series and labels on surfaces, altered at random: read, or refused in words; no XML or zlib bomb, no other file."""

import base64
import re
import zlib
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from fuzzing import fuzz, lawful, lawful_file
from garbage import damaged_bytes
from hypothesis import example, given
from hypothesis import strategies as st
from surface_files import N_VERTICES, brain_models, write_dlabel, write_dtseries, write_func, write_label

from bidsml.atlases import load_atlas
from bidsml.errors import BidsmlError
from bidsml.preproc.surfaces import average_surface
from bidsml.surfaces import read_labels, read_series

REGIONS = {1: "one", 2: "two"}
RNG = np.random.default_rng(0)
NUMBERS = np.repeat([0, 1, 2, 2], N_VERTICES // 4)
SERIES, LABELS = ["x.dtseries.nii", "hemi-L.func.gii"], ["x.dlabel.nii", "hemi-L.label.gii", "lh.x.annot"]


@pytest.fixture(scope="module")
def whole(place) -> dict[str, bytes]:
    """Content of a valid file of each form; the right hemispheres lie beside."""
    folder = place / "surfaces"
    folder.mkdir()
    models = brain_models(voxels=5)
    values = RNG.standard_normal((6, len(models)))
    write_dtseries(folder / "x.dtseries.nii", values, models)
    write_dlabel(folder / "x.dlabel.nii", np.r_[NUMBERS[6:], NUMBERS[6:], [1] * 5], REGIONS, models)
    for side in "LR":
        write_func(folder / f"hemi-{side}.func.gii", RNG.standard_normal((3, N_VERTICES)))
        write_label(folder / f"hemi-{side}.label.gii", NUMBERS, REGIONS)
    colours = np.array([[1, 1, 1, 0, 0], [9, 9, 9, 0, 0], [5, 5, 5, 0, 0]])
    for side in ("lh", "rh"):
        nib.freesurfer.write_annot(folder / f"{side}.x.annot", NUMBERS, colours, ["unknown", "a", "b"])
    return {name: (folder / name).read_bytes() for name in (*SERIES, *LABELS)}


@pytest.fixture(scope="module")
def read(place, whole):
    folder = place / "surfaces"
    (folder / "atlas-whole_x.dlabel.nii").write_bytes(whole["x.dlabel.nii"])
    (folder / "whole.dtseries.nii").write_bytes(whole["x.dtseries.nii"])
    atlas = load_atlas(str(folder / "atlas-whole_x.dlabel.nii"))
    # nibabel imports its parsers when they are first used.
    average_surface(folder / "x.dtseries.nii", atlas)
    for name in LABELS:
        read_labels(folder / name)

    def read_file(name: str, content: bytes) -> Any:
        path = folder / name
        path.write_bytes(content)
        if name in SERIES:
            found = lawful_file(read_series, path)
            lawful_file(lambda file: average_surface(file, atlas), path)
        else:
            found = lawful_file(read_labels, path)
            lawful(lambda: average_surface(folder / "whole.dtseries.nii", load_atlas(str(path))), size=len(content))
        path.write_bytes(whole[name])
        return found

    return read_file


def test_the_whole_files_are_read(read, whole):
    for name, content in whole.items():
        assert not isinstance(read(name, content), BidsmlError)


@fuzz(60)
@given(data=st.data(), name=st.sampled_from([*SERIES, *LABELS]))
def test_damaged_bytes(read, whole, data, name):
    read(name, data.draw(damaged_bytes(st.just(whole[name]))))


# ------------------------------------------------------------------ attributes and elements of the XML

VALUES = ["0", "-1", "1", "2", "999999999999", "18446744073709551616", "1e400", "nan", "", "x", "../../../etc/passwd",
          "/dev/zero", "/etc/passwd", "NIFTI_TYPE_UINT8", "NIFTI_TYPE_FLOAT64", "NIFTI_TYPE_RGB24", "ASCII",
          "Base64Binary", "GZipBase64Binary", "ExternalFileBinary", "BigEndian", "ColumnMajorOrder",
          "CIFTI_STRUCTURE_CORTEX_LEFT", "CIFTI_STRUCTURE_BRAIN_STEM", "CIFTI_INDEX_TYPE_LABELS",
          "CIFTI_INDEX_TYPE_SERIES", "HERTZ", "0,1",
          "CIFTI_MODEL_TYPE_SURFACE", "CIFTI_MODEL_TYPE_VOXELS", "9,9,9", "&lt;script&gt;", "0 0 0", "1 2"]  # fmt: skip


def _set_xml(content: bytes, change: Any) -> bytes:
    """The file with its XML changed; in CIFTI it stands in an extension, whose size is set anew."""
    start = content.find(b"<CIFTI") if b"<CIFTI" in content else None
    if start is None:
        return change(content)
    size = int(np.frombuffer(content[544:548], "<i4")[0])
    xml = change(content[start : 544 + size].rstrip(b"\0"))
    xml += b"\0" * (-(len(xml) + 8) % 16)
    header = bytearray(content[:540])
    header[168:176] = np.array([552 + len(xml)], "<i8").tobytes()
    lead = bytes(header) + b"\1\0\0\0" + np.array([len(xml) + 8, 32], "<i4").tobytes()
    return lead + xml + content[544 + size :]


@fuzz(90)
@example(name="hemi-L.func.gii", place=0.2, value="ExternalFileBinary", kind="attribute")
@given(
    name=st.sampled_from([*SERIES, *LABELS[:2]]),
    place=st.floats(0, 1, exclude_max=True),
    value=st.sampled_from(VALUES),
    kind=st.sampled_from(["attribute", "attribute", "text", "drop", "rename", "repeat"]),
)
def test_altered_xml(read, whole, name, place, value, kind):
    def change(xml: bytes) -> bytes:
        pattern = {"attribute": rb'="([^"]*)"', "text": rb">([^<]*)<", "rename": rb"</?(\w+)"}.get(kind, rb"(<[^>]*>)")
        found = list(re.finditer(pattern, xml))
        one = found[int(len(found) * place)]
        new = {"drop": b"", "repeat": one[1] * 2}.get(kind, value.encode())
        return xml[: one.start(1)] + new + xml[one.end(1) :]

    read(name, _set_xml(whole[name], change))


# ------------------------------------------------------------------ bombs, and other files


def _array(*, encoding: str, dims: tuple[int, ...], data: bytes = b"", more: str = "") -> bytes:
    sizes = " ".join(f'Dim{number}="{size}"' for number, size in enumerate(dims))
    return (
        '<?xml version="1.0"?><GIFTI Version="1.0" NumberOfDataArrays="1"><DataArray Intent="NIFTI_INTENT_TIME_SERIES" '
        f'DataType="NIFTI_TYPE_FLOAT32" ArrayIndexingOrder="RowMajorOrder" Dimensionality="{len(dims)}" {sizes} '
        f'Encoding="{encoding}" Endian="LittleEndian" {more}><Data>'
    ).encode() + data + b"</Data></DataArray></GIFTI>"  # fmt: skip


def test_a_zlib_bomb(read):
    packer = zlib.compressobj(6)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(150)) + packer.flush()
    content = _array(encoding="GZipBase64Binary", dims=(150 << 18,), data=base64.b64encode(packed))
    for claimed in (content, content.replace(b'Dim0="39321600"', b'Dim0="40"')):
        found = read("hemi-L.func.gii", claimed)
        assert isinstance(found, BidsmlError)
        assert "unpack" in found.message


@pytest.mark.parametrize("target", ["/etc/passwd", "../participants.tsv", "/dev/zero", "hemi-R.func.gii"])
def test_numbers_in_another_file(read, place, target):
    (place / "participants.tsv").write_text("participant_id\tname\n" * 100)
    for size in (10, 10**12):
        content = _array(encoding="ExternalFileBinary", dims=(size,), more=f'ExternalFileName="{target}"')
        found = read("hemi-L.func.gii", content)
        assert isinstance(found, BidsmlError)
        assert "another file" in found.message


def _laughing(root: bytes, *, entity: str = "") -> bytes:
    lines = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    return f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "lol">{lines}{entity}]>'.encode() + root


OUTSIDE = '<!ENTITY out SYSTEM "file:///etc/passwd">'


@pytest.mark.parametrize("name", ["hemi-L.func.gii", "hemi-L.label.gii", "x.dtseries.nii", "x.dlabel.nii"])
@pytest.mark.parametrize("reference", [b"&a9;", b"&out;"])
def test_entities(read, whole, name, reference):
    def change(xml: bytes) -> bytes:
        body = re.sub(rb"^<\?xml[^>]*>\s*(<!DOCTYPE[^>]*>)?", b"", xml)
        body = re.sub(rb"(<MetaData ?/>|<MetaData>.*?</MetaData>)", b"", body, flags=re.S)
        where = body.index(b">") + 1
        told = b"<MetaData><MD><Name>x</Name><Value>" + reference + b"</Value></MD></MetaData>"
        return _laughing(body[:where] + told + body[where:], entity=OUTSIDE)

    content = whole[name]
    if b"<CIFTI" in content:
        # Under Matrix, where CIFTI keeps it.
        def cifti(xml: bytes) -> bytes:
            where = xml.index(b">", xml.index(b"<Matrix")) + 1
            told = b"<MetaData><MD><Name>x</Name><Value>" + reference + b"</Value></MD></MetaData>"
            return _laughing(xml[:where] + told + xml[where:], entity=OUTSIDE)

        content = _set_xml(content, cifti)
        content = content[: content.index(b"<?xml")] + content[content.index(b"<?xml") :]
    else:
        content = change(content)
    found = read(name, content)
    assert isinstance(found, BidsmlError)
    assert "entit" in found.message


def test_deep_and_wide_xml(read):
    for body in (b"<a>" * 50_000, b"<MetaData>" * 20_000, b'<GIFTI Version="1.0">' + b"<DataArray/>" * 5_000):
        assert isinstance(read("hemi-L.func.gii", b'<?xml version="1.0"?>' + body), BidsmlError)
