"""Content that was not fetched, texts that cannot be read, repetition times that contradict each other."""

import json
import os
import shutil

import pytest

from bidsml.cli import main

ONE, TWO = ("--participant-label", "01"), ("--participant-label", "02")
BOTH = ("--participant-label", "01", "02")


def file_of(place, label, ending):
    return next(path for path in place.scan_files(label) if path.name.endswith(ending))


def edit_json(path, **changes):
    content = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))


# ------------------------------------------------------------------ 16: git-annex


def unfetch(path):
    """Leave what ``datalad clone`` leaves: a link to content that is elsewhere."""
    path.unlink()
    path.symlink_to(f"../../../.git/annex/objects/Xx/Yy/MD5E-s1--0/{path.name}")


@pytest.mark.fault(16)
@pytest.mark.parametrize("ending", ["bold.nii.gz", "bold.json", "mask.nii.gz", "confounds_timeseries.tsv"])
def test_content_that_was_not_fetched(study, suffers, ending):
    path = file_of(study, "02", ending)
    unfetch(path)
    suffers(study, "participant", *BOTH, code=66, says=(f"datalad get {path}", "not on this machine"))
    assert not study.work.exists(), "refused before anything runs"


@pytest.mark.fault(16)
def test_the_content_of_others_is_not_needed(study, suffers):
    for path in study.scan_files("02"):
        unfetch(path)
    suffers(study, "participant", *ONE, code=0)


@pytest.mark.fault(16)
def test_a_table_that_was_not_fetched(study, suffers):
    path = study.dataset / "participants.tsv"
    unfetch(path)
    for level in ("participant", "group"):
        suffers(study, level, code=66, says=(f"datalad get {path}",))


@pytest.mark.fault(16)
def test_an_unlocked_file_is_a_pointer(study, suffers):
    path = file_of(study, "02", "bold.nii.gz")
    path.write_text("/annex/objects/MD5E-s15598--0123456789abcdef.nii.gz\n")
    suffers(study, "participant", *BOTH, code=66, says=(f"datalad get {path}",))


# ------------------------------------------------------------------ 17: JSON


@pytest.mark.fault(17)
@pytest.mark.parametrize("content", ['{\n "RepetitionTime": 2.0,\n}\n', '{\n\n"RepetitionTime" 2}', "{\n\n"])
def test_a_malformed_sidecar_that_is_used(study, suffers, content):
    path = file_of(study, "02", "bold.json")
    path.write_text(content)
    suffers(study, "participant", *BOTH, code=65, says=(f"{path}:3", "not valid JSON", "mend the file"))


@pytest.mark.fault(17)
def test_a_sidecar_that_is_no_object(study, suffers):
    path = file_of(study, "02", "bold.json")
    path.write_text("[2.0]")
    suffers(study, "participant", *BOTH, code=65, says=(str(path), "JSON object"))


@pytest.mark.fault(17)
@pytest.mark.parametrize("ending", ["mask.json", pytest.param("confounds_timeseries.json", marks=pytest.mark.slow)])
def test_a_malformed_sidecar_that_is_not_used(study, suffers, ending):
    path = file_of(study, "01", ending)
    path.write_text('{\n "Type": "Brain",\n}\n')
    suffers(study, "participant", *ONE, code=0, says=(f"{path}:3", "not valid JSON", "not used"))


# ------------------------------------------------------------------ 18: encodings


def with_mark(path):
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())


def in_latin_1(path):
    """An umlaut, as an old spreadsheet saves it."""
    content = path.read_text()
    if path.suffix == ".json":
        path.write_bytes(content.replace("{", '{"InstitutionName": "Universität",', 1).encode("latin-1"))
    else:
        header, *rows = content.splitlines()
        rows = [f"{row}\tMünchen" for row in rows]
        path.write_bytes("\n".join([f"{header}\tplace", *rows, ""]).encode("latin-1"))


FILES = ("bold.json", "confounds_timeseries.tsv", "participants.tsv", "dataset_description.json")


def text_file(place, ending):
    top = place.dataset / ending
    return top if top.exists() else file_of(place, "01", ending)


@pytest.mark.fault(18)
def test_byte_order_marks_are_read_over(fresh, suffers, tiny_finished):
    for ending in FILES:
        with_mark(text_file(fresh, ending))
    suffers(fresh, "participant", *ONE, code=0)
    for path in (fresh.output / "sub-01").rglob("*_relmat.dense.tsv"):
        assert path.read_bytes() == (tiny_finished.output / path.relative_to(fresh.output)).read_bytes()


@pytest.mark.fault(18)
def test_an_analysis_file_with_a_byte_order_mark(study, suffers, tmp_path):
    assert main(["schema"]) == 0
    path = tmp_path / "analysis.toml"
    text = 'name = "demo"\n[target]\ncolumn = "diagnosis"\npositive = "patient"\n[[features]]\nkind = "phenotype"\n'
    path.write_bytes(b"\xef\xbb\xbf" + (text + '[[estimators]]\nkind = "ridge"\n').encode())
    words = ("--analysis", str(path), "--dry-run")
    suffers(study, "participant", *words, code=0)
    path.write_bytes(("# Universität\n" + text).encode("latin-1"))
    suffers(study, "participant", *words, code=78, says=(f"{path}", "UTF-8"))


@pytest.mark.fault(18)
@pytest.mark.parametrize("ending", [name for name in FILES if name != "confounds_timeseries.tsv"])
def test_latin_1_is_refused(study, suffers, ending):
    path = text_file(study, ending)
    in_latin_1(path)
    suffers(study, "participant", *BOTH, code=65, says=(str(path), "not UTF-8", "0x", "iconv"))


@pytest.mark.fault(18)
def test_confounds_in_latin_1_cost_their_participant(study, suffers):
    path = file_of(study, "02", "confounds_timeseries.tsv")
    in_latin_1(path)
    suffers(study, "participant", *BOTH, code=1, says=("1 finished, 1 failed", path.name, "UTF-8", "iconv"))


# ------------------------------------------------------------------ 19: repetition time


def silence_header(path):
    """A header that states no repetition time."""
    from gzip import compress, decompress

    content = bytearray(decompress(path.read_bytes()))
    content[92:96] = bytes(4)  # pixdim[4] (nifti1.h)
    path.write_bytes(compress(bytes(content), 1))


OVERRIDE = ("--set", "input.tr_s=2.0")


@pytest.mark.fault(19)
def test_no_repetition_time(study, suffers):
    bold = file_of(study, "02", "bold.nii.gz")
    silence_header(bold)
    edit_json(file_of(study, "02", "bold.json"), RepetitionTime=None)
    suffers(study, "participant", *BOTH, code=65, says=(bold.name, "RepetitionTime", "--set input.tr_s"))
    suffers(study, "participant", *TWO, *OVERRIDE, code=0, remakes=("sub-02", "participants.tsv"))


@pytest.mark.fault(19)
def test_repetition_times_that_contradict_each_other(study, suffers):
    bold = file_of(study, "02", "bold.nii.gz")
    edit_json(file_of(study, "02", "bold.json"), RepetitionTime=2.2)
    says = (bold.name, "2.2 s in the JSON sidecar", "2 s in the image header", "--set input.tr_s")
    suffers(study, "participant", *BOTH, code=65, says=says)
    suffers(study, "participant", *TWO, *OVERRIDE, code=0, remakes=("sub-02", "participants.tsv"))


@pytest.mark.fault(19)
@pytest.mark.parametrize("value", ["2.0", 0, -2, True, [2.0], float("nan")])
def test_a_repetition_time_that_is_no_time(study, suffers, value):
    edit_json(file_of(study, "02", "bold.json"), RepetitionTime=value)
    suffers(study, "participant", *BOTH, code=65, says=("sub-02", "RepetitionTime must be a positive number"))


@pytest.mark.slow
@pytest.mark.fault(19)
def test_the_header_speaks_where_no_sidecar_does(fresh, suffers):
    os.remove(file_of(fresh, "01", "bold.json"))
    shutil.rmtree(fresh.dataset / "derivatives" / "fmriprep" / "sub-02")
    suffers(fresh, "participant", *ONE, code=0)


@pytest.mark.slow
@pytest.mark.fault(17)
def test_a_malformed_list_of_components(study, suffers):
    """The confounds' own sidecar is used only where a strategy takes CompCor's components."""
    path = file_of(study, "02", "confounds_timeseries.json")
    path.write_text("{\n1}")
    words = ("--set", "denoise.strategy=acompcor", "--set", "denoise.high_pass_hz=0.01")
    suffers(study, "participant", *TWO, *words, code=1, says=(f"{path}:2", "not valid JSON", "mend the file"))
