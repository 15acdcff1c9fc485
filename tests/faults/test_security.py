"""What somebody may be handed: analyses, tables, models, outputs. Nothing runs, nothing grows, nothing leaves OUT."""

import io
import json
import os
import pickle
import re
import shutil
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from place import digests, run_bidsml

from bidsml.bids.modelfiles import _digest
from bidsml.bids.store import sha256_file

EVIL = '<script>alert("x")</script><img src=x onerror=alert(1)>'


class Trap:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = str(trace)

    def __reduce__(self):
        return (os.mkdir, (self.trace,))


# ------------------------------------------------------------------ 33: HTML


class Elements(HTMLParser):
    """Gathers every element with its attributes, and the texts of scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


@pytest.mark.fault(33)
def test_text_from_tables_is_escaped_in_every_page(fresh):
    table = pd.read_csv(fresh.dataset / "participants.tsv", sep="\t")
    table["diagnosis"] = table["diagnosis"].replace("patient", EVIL)
    table["site"] = "s" + EVIL
    table.to_csv(fresh.dataset / "participants.tsv", sep="\t", index=False)
    for atlas in (fresh.dataset / "derivatives" / "atlas").glob("*_dseg.tsv"):
        regions = pd.read_csv(atlas, sep="\t")
        regions["name"] = [f"r{number}{EVIL}" for number in range(len(regions))]
        regions.to_csv(atlas, sep="\t", index=False)
    words = (
        "--set",
        f"target.positive='{EVIL}'",
        "--participant-label",
        "01",
        "02",
        "03",
        "04",
        "05",
        "06",
        "07",
        "08",
    )
    for level in ("participant", "group"):
        ran = fresh.run(level, *words)
        assert ran.code == 0, ran.text
    pages = sorted(fresh.output.glob("*.html"))
    assert {"group-demo.html", "sub-01.html"} <= {page.name for page in pages}
    assert "alert(" in (fresh.output / "group-demo.html").read_text(), "nothing to escape stands in the page"
    for page in pages:
        elements = Elements()
        elements.feed(page.read_text())
        assert not [one for one in elements.found if any(name.startswith("on") for name in one[1])], page.name
        assert not [one for one in elements.found if one[0] == "img" and one[1].get("src") == "x"], page.name
        scripts = re.findall(r"<script[^>]*>(.*?)</script>", page.read_text(), flags=re.S)
        assert not [script for script in scripts if script.strip() == 'alert("x")'], page.name
    for figure in fresh.output.rglob("*.svg"):
        assert "<script" not in figure.read_text()


# ------------------------------------------------------------------ 34: paths


@pytest.mark.fault(34)
@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ("name=../../evil", 78),
        ("name=/evil", 78),
        ("target.column=../outside.tsv:diagnosis", 78),
        ("target.column=/etc/passwd:x", 78),
        ("target.column={fmriprep}/../../outside.tsv:diagnosis", 78),
        ("nuisance.columns=['../outside.tsv:age']", 78),
        ("features=[{kind = 'table', file = '../outside.tsv'}]", 78),
        ("features=[{kind = 'table', file = '/etc/passwd'}]", 78),
        ("features=[{kind = 'table', file = 'linked.tsv'}]", 78),
        ("features=[{kind = 'connectome', atlas = '../../outside'}]", 78),
        ("features=[{kind = 'connectome', atlas = '/etc'}]", 78),
        ("features=[{kind = 'connectome', atlas = '{atlas}', name = '../x'}]", 78),
    ],
)
def test_an_analysis_that_climbs_out(fresh, suffers, entry, code):
    outside = fresh.dataset.parent / "outside.tsv"
    shutil.copyfile(fresh.dataset / "participants.tsv", outside)
    (fresh.dataset / "linked.tsv").symlink_to(outside)
    suffers(fresh, "participant", "--set", "input={}", "--set", entry, code=code)
    assert not fresh.output.exists()
    assert {path.name for path in fresh.dataset.parent.iterdir()} <= {"dataset", "outside.tsv", "work"}


@pytest.mark.fault(34)
@pytest.mark.parametrize("label", ["../../evil", "/evil", "..", "a/b", "a\\b", "a b"])
def test_a_label_that_climbs_out(fresh, suffers, label):
    path = fresh.dataset / "participants.tsv"
    path.write_text(path.read_text().replace("sub-01", f"sub-{label}"))
    suffers(fresh, "participant", code=65, says=("participants.tsv",))
    assert not fresh.output.exists()


@pytest.mark.fault(34)
@pytest.mark.parametrize(
    "change",
    [
        lambda entry: entry["files"].update({"../../outside.tsv": "0"}),
        lambda entry: entry["files"].update({"/etc/passwd": "0"}),
        lambda entry: entry["features"].update(connectome="../../outside.npz"),
    ],
)
def test_a_manifest_that_climbs_out(study, suffers, change):
    path = study.output / "sub-01" / "sub-01_bidsml.json"
    content = json.loads(path.read_text())
    change(content["analyses"]["demo"])
    path.write_text(json.dumps(content))
    suffers(study, "group", code=65, says=(path.name, "outside the output folder"))


@pytest.mark.fault(34)
@pytest.mark.parametrize("option", ["--participant-label", "--session-label", "--task-id"])
def test_an_option_that_climbs_out(fresh, option):
    ran = fresh.run("participant", option, "../../evil")
    assert ran.code in (18, 64, 65), ran.text
    assert "Traceback" not in ran.text
    assert not fresh.output.exists()


# ------------------------------------------------------------------ 35, 36: models


@pytest.fixture
def model(study, tmp_path) -> Path:
    return shutil.copytree(study.group / "model", tmp_path / "model")


def reseal(model: Path, **keys) -> None:
    """Make a tampered model look whole: whoever makes a trap can compute digests."""
    content = json.loads((model / "model.json").read_text()) | keys
    content["files"] = {name: sha256_file(model / name) for name in content["files"]}
    content["digest"] = _digest(content)
    (model / "model.json").write_text(json.dumps(content))


def archive(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, content in members.items():
            target.writestr(name.replace("__", "."), content)
    return buffer.getvalue()


@pytest.mark.fault(35)
@pytest.mark.parametrize("name", ["model.pkl", "model.joblib", "model.json"])
def test_a_pickle_for_a_model(study, suffers, tmp_path, name):
    (tmp_path / name).write_bytes(pickle.dumps(Trap(tmp_path / "trace")))
    suffers(study, "group", "--apply", str(tmp_path / name), code=65, says=(name, "pickle"))
    assert not (tmp_path / "trace").exists()


@pytest.mark.fault(35)
def test_a_pickle_inside_of_a_model(study, model, suffers, tmp_path):
    np.savez(model / "arrays.npz", coef=np.array([Trap(tmp_path / "trace")], dtype=object))
    reseal(model)
    suffers(study, "group", "--apply", str(model), code=65, says=("arrays.npz", "never opened"))
    (model / "more.pkl").write_bytes(b"")
    suffers(study, "group", "--apply", str(model), code=65, says=("more.pkl",))
    assert not (tmp_path / "trace").exists()


@pytest.mark.fault(36)
def test_a_changed_model(study, model, suffers):
    path = model / "arrays.npz"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    suffers(study, "group", "--apply", str(model), code=65, says=("arrays.npz", "changed"))
    content = json.loads((model / "model.json").read_text())
    (model / "model.json").write_text(json.dumps(content | {"files": {"arrays.npz": "0", "../../../x": "0"}}))
    suffers(study, "group", "--apply", str(model), code=65, says=("model.json",))


@pytest.mark.fault(36)
def test_a_bomb_for_arrays(study, model, suffers):
    np.savez_compressed(model / "arrays.npz", coef=np.zeros(50_000_000))
    reseal(model)
    suffers(study, "group", "--apply", str(model), code=65, says=("arrays.npz", "compressed"))


@pytest.mark.fault(36)
def test_an_untrusted_type_in_a_skops_file(tmp_path):
    skops = pytest.importorskip("skops.io")
    from bidsml.errors import DataError
    from bidsml.learn.serialised import load_estimator

    foreign = skops.dumps({"a": Path("/etc/passwd"), "b": print})
    with pytest.raises(DataError, match=r"not trusted in a forest: .*print"):
        load_estimator(foreign, "forest")


@pytest.mark.fault(36)
@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_bomb_for_an_estimator(compression):
    pytest.importorskip("skops.io")
    from bidsml.errors import DataError
    from bidsml.learn.serialised import load_estimator

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as target:
        target.writestr("schema.json", b"[" * 10_000_000)
    assert len(buffer.getvalue()) < 100_000
    with pytest.raises(DataError, match="compressed"):
        load_estimator(buffer.getvalue(), "forest")


@pytest.mark.fault(36)
def test_an_estimator_nested_without_end():
    pytest.importorskip("skops.io")
    from bidsml.errors import DataError
    from bidsml.learn.serialised import load_estimator

    deep = b'{"__class__": "list", "content": [' * 20_000
    with pytest.raises(DataError, match="not a readable skops file"):
        load_estimator(archive(schema__json=deep), "forest")


# ------------------------------------------------------------------ records in an output


def test_no_pickle_is_read_from_an_output(study, suffers, tmp_path):
    """A features record that is a pickle, with the digest that it should have."""
    path = next(study.output.glob("sub-01/*_features.npz"))
    np.savez(path, record=np.array([Trap(tmp_path / "trace")], dtype=object))
    manifest = study.output / "sub-01" / "sub-01_bidsml.json"
    content = json.loads(manifest.read_text())
    content["analyses"]["demo"]["files"][path.relative_to(study.output).as_posix()] = sha256_file(path)
    manifest.write_text(json.dumps(content))
    suffers(study, "group", code=65, says=(path.name,))
    assert not (tmp_path / "trace").exists()


def test_numpy_is_never_asked_to_unpickle():
    """Whatever reads arrays says so itself; only Nipype reads pickles, from its own closed folder."""
    import bidsml

    for path in Path(bidsml.__file__).parent.rglob("*.py"):
        text = path.read_text()
        assert "allow_pickle=True" not in text, path
        assert not re.search(r"^\s*(import|from) (pickle|joblib|dill|cloudpickle|shelve|marshal)\b", text, re.M), path
        for call in re.findall(r"np\.load\([^)]*\)", text):
            assert "allow_pickle=False" in call, path


# ------------------------------------------------------------------ text that unfolds


LAUGHS = "\n".join(["a0: &a0 lol", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10))])


@pytest.mark.parametrize(
    ("name", "text", "option", "code"),
    [
        ("plugin.yml", LAUGHS + "\nplugin: *a9\n", "--use-plugin", 65),
        ("plugin.yml", "plugin: !!python/object/apply:os.mkdir [TRACE]\n", "--use-plugin", 65),
        ("plugin.yml", "[" * 100_000, "--use-plugin", 65),
        ("filter.json", "[" * 100_000, "--bids-filter-file", 65),
        ("a.toml", "a = " + "[" * 100_000, "--analysis", 78),
        ("a.toml", "x = 1\n" * 400_000, "--analysis", 78),
        ("a.toml", "name = '\\u0000'\n", "--analysis", 78),
    ],
)
def test_text_bombs(fresh, suffers, tmp_path, name, text, option, code):
    path = tmp_path / name
    path.write_text(text.replace("TRACE", str(tmp_path / "trace")))
    suffers(fresh, "participant", option, str(path), code=code, says=(name,))
    assert not (tmp_path / "trace").exists()
    assert not fresh.output.exists()


@pytest.mark.parametrize("name", ["participants.tsv", "dataset_description.json"])
def test_an_endless_file(fresh, suffers, name):
    (fresh.dataset / name).unlink()
    (fresh.dataset / name).symlink_to("/dev/zero")
    ran = fresh.run("participant")
    assert ran.code == 65, ran.text
    assert name in ran.text
    assert not fresh.output.exists()


def test_a_comparison_opens_nothing(study, tmp_path):
    """Outputs that are compared may come from anyone."""
    other = shutil.copytree(study.output, tmp_path / "other")
    record = next(other.glob("sub-01/*_features.npz"))
    np.savez(record, record=np.array([Trap(tmp_path / "trace")], dtype=object))
    np.savez_compressed(next(other.glob("sub-02/*_features.npz")), record=np.zeros(50_000_000))
    (other / "sub-03.html").unlink()
    (other / "sub-03.html").symlink_to("/dev/zero")
    before = digests(study.output)
    ran = run_bidsml("compare", str(study.output), str(other))
    assert ran.code == 1
    assert ran.text.count("cannot be read") == 2
    assert "a link" in ran.text
    assert not (tmp_path / "trace").exists()
    assert digests(study.output) == before
