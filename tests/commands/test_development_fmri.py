"""``bidsml demo --download`` on a local mirror of what nilearn fetches from osf.io."""

import gzip
import math
import shutil
import threading
import urllib.request
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from urllib.error import URLError

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import requests

from bidsml.cli import main
from bidsml.commands.development_fmri import count_missing, fetch_dataset, measure_download_mb
from bidsml.errors import MissingInputError

N_CHILDREN, N_ADULTS, N_VOLUMES = 122, 33, 168
CONFOUNDS = [
    "csf", "white_matter", "global_signal", "std_dvars", "framewise_displacement",
    *(f"a_comp_cor_0{i}" for i in range(6)), "trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z",
]  # fmt: skip


@dataclass
class Mirror:
    """A server with osf.io's paths; adults' regions swing together more than children's."""

    url: str
    asked: list[str] = field(default_factory=list)


def phenotypic() -> pd.DataFrame:
    ids = [f"sub-pixar{number:03d}" for number in range(1, N_CHILDREN + N_ADULTS + 1)]
    group = ["child"] * N_CHILDREN + ["adult"] * N_ADULTS
    columns = {
        "participant_id": ids, "Age": np.where(np.array(group) == "adult", 24.5, 6.5), "AgeGroup": "x",
        "Child_Adult": group, "Gender": ["M", "F"] * 77 + ["M"], "Handedness": "R", "Not used": 1,
    }  # fmt: skip
    return pd.DataFrame(columns)


def image_of(label: str) -> bytes:
    rng = np.random.default_rng(int(label[-3:]))
    coupled = 3.0 if int(label[-3:]) > N_CHILDREN else 0.3
    data = rng.normal(1000, 10, (19, 23, 19, N_VOLUMES)) + 10 * coupled * rng.normal(size=N_VOLUMES)
    affine = np.diag([10.0, 10.0, 10.0, 1.0])
    affine[:3, 3] = [-90, -126, -72]
    return nib.Nifti1Image(data.astype(np.int16), affine).to_bytes()


def confounds_of(label: str) -> bytes:
    rng = np.random.default_rng([1, int(label[-3:])])
    table = pd.DataFrame(rng.normal(size=(N_VOLUMES, len(CONFOUNDS))), columns=CONFOUNDS)
    table["framewise_displacement"] = rng.uniform(0, 0.3, N_VOLUMES)
    table.loc[0, ["framewise_displacement", "std_dvars"]] = np.nan
    return table.to_csv(sep="\t", index=False, na_rep="n/a").encode()


@pytest.fixture
def mirror(monkeypatch):
    keys = pd.read_csv(files("nilearn.datasets") / "data" / "development_fmri.csv").set_index("participant_id")
    images = {f"/download/{key}/": label for label, key in keys["key_b"].items()}
    tables = {f"/download/{key}/": label for label, key in keys["key_r"].items()}
    made = Mirror("")

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            made.asked.append(self.path)
            path = self.path.rstrip("/") + "/"
            if path == "/yr3av/download/":
                content = phenotypic().to_csv(sep="\t", index=False).encode()
            elif path not in images and path not in tables:
                self.send_error(404)
                return
            else:
                content = image_gz(images[path]) if path in images else confounds_of(tables[path])
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    send, opened = requests.Session.send, urllib.request.urlopen

    def send_here(self, request, **more):
        request.url = request.url.replace("https://osf.io", made.url)
        return send(self, request, **more)

    def open_here(url, **more):
        return opened(url.replace("https://osf.io", made.url), **more)

    monkeypatch.setattr(requests.Session, "send", send_here)
    monkeypatch.setattr(urllib.request, "urlopen", open_here)
    yield made
    server.shutdown()
    server.server_close()


def image_gz(label: str) -> bytes:
    return gzip.compress(image_of(label), compresslevel=1, mtime=0)


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_, **__):
        raise URLError("no network")

    def refuse_requests(*_, **__):
        raise requests.ConnectionError("no network")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setattr(requests.Session, "send", refuse_requests)


def test_people_are_laid_out_as_bids(mirror, tmp_path):
    out = fetch_dataset(tmp_path / "dataset", data_dir=tmp_path / "downloads", n_participants=5)
    people = pd.read_csv(out / "participants.tsv", sep="\t")
    # The proportion of the whole: 122 to 33 is 4 to 1.
    assert people["group"].value_counts().to_dict() == {"child": 4, "adult": 1}
    assert list(people) == ["participant_id", "age", "age_group", "group", "sex", "handedness"]
    for label in people["participant_id"]:
        folder = out / "derivatives" / "nilearn" / label / "func"
        stem = f"{label}_task-pixar"
        image = nib.load(folder / f"{stem}_space-MNI152NLin2009cAsym_desc-preproc_bold.nii.gz")
        assert np.array_equal(
            np.asarray(image.dataobj), np.asarray(nib.Nifti1Image.from_bytes(image_of(label)).dataobj)
        )
        table = pd.read_csv(folder / f"{stem}_desc-confounds_timeseries.tsv", sep="\t", na_values="n/a")
        assert len(table) == N_VOLUMES
        assert table["framewise_displacement"].isna().tolist() == [True] + [False] * (N_VOLUMES - 1)
        assert {"trans_x", "rot_z", "csf", "white_matter", "a_comp_cor_05"} <= set(table)


def test_the_size_is_asked_of_the_server(mirror):
    assert measure_download_mb() == pytest.approx(len(image_gz("sub-pixar001")) / 1e6)


def test_a_size_that_the_server_does_not_tell_stops_nothing(mirror, monkeypatch):
    monkeypatch.setattr("bidsml.commands.development_fmri.SIZE_URL", "https://osf.io/download/gone/")
    assert math.isnan(measure_download_mb())


def test_what_is_there_is_not_fetched_again(mirror, tmp_path, monkeypatch):
    downloads = tmp_path / "downloads"
    assert count_missing(downloads, 3) == 3
    fetch_dataset(tmp_path / "a", data_dir=downloads, n_participants=3)
    assert count_missing(downloads, 3) == 0
    asked = len(mirror.asked)
    fetch_dataset(tmp_path / "b", data_dir=downloads, n_participants=3)
    assert len(mirror.asked) == asked


def test_without_a_network(no_network, tmp_path, capsys):
    assert main(["demo", str(tmp_path / "demo"), "--download"]) == 66
    said = capsys.readouterr().err
    assert "could not be downloaded from osf.io" in said
    assert "`bidsml demo OUT` simulates" in said.replace("\n", " ")
    with pytest.raises(MissingInputError, match="no network"):
        fetch_dataset(tmp_path / "dataset", data_dir=tmp_path / "downloads", n_participants=3)
    assert not (tmp_path / "dataset").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--download", "--raw"], "leave one out"),
        (["--participants", "30"], "add --download"),
        (["--download", "--participants", "20"], "from 26 to 155"),
        (["--download", "--participants", "156"], "from 26 to 155"),
    ],
)
def test_options_that_make_no_sense(words, told, tmp_path, capsys):
    assert main(["demo", str(tmp_path / "demo"), *words]) == 64
    assert told in capsys.readouterr().err.replace("\n", " ")


@pytest.mark.slow
def test_adults_are_told_from_children(mirror, tmp_path, capsys):
    demo = tmp_path / "demo"
    assert main(["demo", str(demo), "--download", "--participants", "26"]) == 0
    said = capsys.readouterr().out
    assert "downloading 26 people's images from osf.io" in said
    assert "MB" in said
    rows = pd.read_csv(demo / "derivatives" / "group" / "development-fmri" / "performance.tsv", sep="\t")
    found = rows.query("model == 'biomarker' and metric == 'roc_auc'").iloc[0]
    assert found["n"] == 26
    assert (demo / "derivatives" / "group-development-fmri.html").is_file()
    # A folder that nilearn filled needs no network.
    shutil.rmtree(demo / "dataset")
    mirror.asked.clear()
    assert fetch_dataset(demo / "dataset", data_dir=demo / "downloads", n_participants=26).is_dir()
    assert mirror.asked == []
