"""Sidecars, descriptions, filter files, plugin files and manifests with any JSON or YAML: used, or refused in words."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from fuzzing import entries, fuzz, lawful, lawful_file, write_file
from garbage import ODD_TEXTS, TEXTS, damaged_bytes, nested, values
from hypothesis import example, given
from hypothesis import strategies as st

from bidsml.arguments import _read_filters
from bidsml.bids.derivative import dataset_name, require_own_output, validate_input, write_dataset_files
from bidsml.bids.history import _text_of
from bidsml.bids.inheritance import SidecarFinder
from bidsml.bids.manifest import Manifest, read_manifest
from bidsml.bids.selection import QUERIES, apply_filters, plan_filters
from bidsml.bids.slicetiming import slice_axis, slice_times_s
from bidsml.bids.tableformats import Table, _read_json
from bidsml.bids.textfiles import read_json
from bidsml.bids.timing import reconcile_tr, sidecar_tr_s
from bidsml.errors import BidsmlError
from bidsml.graph.run import PLUGINS, plugin_settings
from bidsml.spec import RunOptions, load_analysis

IMAGE = "sub-01_task-rest_bold.nii.gz"
SIDECAR = {
    "RepetitionTime": 2.0,
    "SliceTiming": [0.0, 0.5, 1.0, 1.5],
    "SliceEncodingDirection": "k",
    "TaskName": "rest",
}
DESCRIPTION = {"Name": "a", "BIDSVersion": "1.10.0", "GeneratedBy": [{"Name": "bidsml"}], "DatasetDOI": "doi:10.1/a"}
FILTERS = {"bold": {"task": "rest", "session": ["1", None], "run": 1, "datatype": "func"}, "t1w": {"acquisition": None}}
PLUGIN = {"plugin": "MultiProc", "plugin_args": {"n_procs": 2, "memory_gb": 4, "raise_insufficient": False}}
ENTRY = {"features_digest": "0" * 64, "files": {"sub-01/a.tsv": "0" * 64}, "features": {"a": "sub-01/a.tsv"}, "qc": {}}
MANIFEST = {"participant_id": "01", "version": "1", "analyses": {"rest": ENTRY}}


def _put(content: Any, place: float, value: Any) -> Any:
    """The content with a value put in the place of one of its entries, at any depth."""
    content = json.loads(json.dumps(content))
    spots = entries(content)
    node, key = spots[int(place * len(spots))]
    node[key] = value
    return content


def texts(content: Mapping[str, Any]) -> st.SearchStrategy[bytes]:
    """JSON with one entry replaced by any value, any JSON, or damaged bytes of the valid text."""
    share = st.floats(0, 1, exclude_max=True)
    odd = st.sampled_from(
        [b'{"a":1,"a":2}', b"NaN", b"[1e999]", b"{" * 3000, b"[" * 30_000, b'{"a":' * 30_000, b"", b"\0"]
    )
    odd_number = st.sampled_from([b"9" * 5000, b"-" + b"9" * 4301, b"1" + b"0" * 400, b"1e400", b"-0", b'"\\ud800"'])
    keys = st.sampled_from([key.encode() for key in content])
    return st.one_of(
        st.builds(lambda p, v: json.dumps(_put(content, p, v)).encode(), share, values()),
        st.builds(lambda v: json.dumps(v).encode(), values(st.sampled_from(sorted(content)) | TEXTS)),
        damaged_bytes(st.just(json.dumps(content, indent=1).encode())),
        odd,
        st.builds(lambda k, v: b'{"%s": %s}' % (k, v), keys, odd_number),
    )


@pytest.fixture(scope="module")
def write(place):
    return lambda content, name: write_file(place / name, content)


# ------------------------------------------------------------------ sidecars

HUGE_TIME = b'{"RepetitionTime": 1' + b"0" * 400 + b"}"
HUGE_SLICE = b'{"SliceTiming": [1' + b"0" * 400 + b"]}"
LONG_NUMBER = b'{"RepetitionTime": ' + b"9" * 5000 + b"}"
TINY_FREQUENCY = b'{"SamplingFrequency": 5e-324}'
UNHASHABLE_AXIS = b'{"SliceEncodingDirection": {}}'
DEEP = b'{"a":' * 30_000


@fuzz(500)
@example(content=HUGE_TIME)
@example(content=HUGE_SLICE)
@example(content=LONG_NUMBER)
@example(content=TINY_FREQUENCY)
@example(content=UNHASHABLE_AXIS)
@example(content=DEEP)
@example(content=b'{"SliceTiming": "' + b"a" * 100_000 + b'"}')
@given(content=texts(SIDECAR) | texts({"SamplingFrequency": 0.5}))
def test_sidecars(write, content):
    path = write(content, "sub-01/func/sub-01_task-rest_bold.json")

    def read(file: Path) -> dict[str, Any]:
        finder = SidecarFinder(file.parents[2])
        return finder.metadata(file.parent, {"sub": "01", "task": "rest"}, suffix="bold")[0]

    metadata = lawful_file(read, path)
    if isinstance(metadata, BidsmlError):
        return
    image = path.with_name(IMAGE)
    tr_s = lawful(lambda: reconcile_tr(sidecar_tr_s(metadata, path=image), 2.0, path=image))
    assert isinstance(tr_s, BidsmlError) or 0 < tr_s < math.inf
    alone = lawful(lambda: sidecar_tr_s(metadata, path=image))
    assert alone is None or isinstance(alone, BidsmlError) or 0 < alone < math.inf
    axis = lawful(lambda: slice_axis(metadata, path=image))
    times = lawful(lambda: slice_times_s(metadata, tr_s=2.0, axis="k", path=image))
    assert isinstance(times, BidsmlError) or all(0 <= time < 2.0 for time in times)
    for found in (tr_s, alone, axis, times):
        assert not isinstance(found, BidsmlError) or (image.name in found.message and len(str(found)) < 1000)


@fuzz(200)
@example(content=LONG_NUMBER)
@example(content=b'{"a": 1' + b"0" * 400 + b"}")
@given(content=texts(SIDECAR | {"snr": 3.5, "cjv": 0.4}))
def test_a_table_of_one_participant(write, content):
    """MRIQC's JSON."""
    found = lawful_file(lambda file: _read_json(file, "participant_id"), write(content, "sub-01_T1w.json"))
    if isinstance(found, Table):
        assert all(cell is None or math.isfinite(float(cell)) for (cell,) in found.cells.values())


# ------------------------------------------------------------------ descriptions


@fuzz(300)
@example(content=b"9" * 5000)
@given(content=texts(DESCRIPTION))
def test_descriptions(write, place, content):
    path = write(content, "dataset_description.json")
    root = path.parent
    for read in (validate_input, dataset_name, require_own_output):
        lawful(lambda r=read: r(root), size=len(content))
    out = place / "out"
    found = lawful(lambda: write_dataset_files(out, bids_dir=root, derivatives={"a": root}))
    if not isinstance(found, BidsmlError):
        assert json.loads((out / "dataset_description.json").read_text(encoding="utf-8"))["Name"]
    assert isinstance(lawful(lambda: _text_of(path)), str)


# ------------------------------------------------------------------ filter files

SPEC = load_analysis("rest-connectome")


def candidate(name: str) -> Any:
    entities = {"task": "rest", "ses": "1", "run": "01"}
    return SimpleNamespace(
        kind="bold", participant_id="01", path=Path(name), entities=entities, suffix="bold", extension=".nii.gz"
    )


@fuzz(400)
@example(content=LONG_NUMBER)
@example(content=b'{"bold": {"run": ' + b"9" * 4300 + b"}}")
@given(content=texts(FILTERS))
def test_filter_files(write, content):
    path = write(content, "filters.json")
    filters = lawful_file(_read_filters, path)
    if isinstance(filters, BidsmlError):
        return
    options = RunOptions(Path("/a"), Path("/b"), "participant", Path("/w"), filters=filters)
    for kind in QUERIES:
        planned = lawful(lambda k=kind: plan_filters(SPEC, options, kind=k))
        if isinstance(planned, tuple):
            lawful(lambda p=planned: apply_filters([candidate(IMAGE)], p))


# ------------------------------------------------------------------ YAML


@fuzz(80)
@example(content=b"plugin: [MultiProc]")
@example(content=b"plugin: MultiProc\nplugin_args: [1]")
@example(content=b"plugin: {}\n")
@example(content=b"plugin: " + b"9" * 5000)
@example(content=b"? {}\n: 1")
@example(content=b"a: 2001-99-99")
@example(content=b"[" * 3000)
@given(
    # Nesting takes PyYAML long to give up: one example of it is enough.
    content=texts(PLUGIN).filter(lambda content: len(content) < 3000)
    | damaged_bytes(st.just(yaml.safe_dump(PLUGIN).encode()))
    | st.builds(lambda key, text: f"{key}: {text}\n".encode("utf-8", "replace"), st.sampled_from(sorted(PLUGIN)), TEXTS)
    | ODD_TEXTS.map(str.encode)
)
def test_plugin_files(write, content):
    path = write(content, "plugin.yml")
    found = lawful_file(lambda file: plugin_settings(file, nprocs=2, mem_gb=1.0), path)
    if not isinstance(found, BidsmlError):
        name, arguments = found
        assert name in PLUGINS
        assert isinstance(arguments, dict)


# ------------------------------------------------------------------ our own


@fuzz(300)
@example(content=LONG_NUMBER)
@given(content=texts(MANIFEST))
def test_manifests(write, content):
    found = lawful_file(read_manifest, write(content, "sub-01_bidsml.json"))
    if isinstance(found, Manifest):
        assert found.participant_id == "01"


@pytest.mark.parametrize("key", [None, "a"])
@pytest.mark.parametrize("depth", [900, 1100, 20_000])
def test_nested_texts_are_read_or_refused(write, depth, key):
    opened, closed = ("[", "]") if key is None else ('{"a":', "}")
    content = ('{"b":' + opened * depth + "1" + closed * depth + "}").encode()
    found = lawful_file(read_json, write(content, "deep.json"))
    if depth <= 900 and not isinstance(found, BidsmlError):
        assert found["b"] == nested(depth, key=key)
    assert isinstance(lawful_file(_text_of, write(content, "deep.json")), str)
