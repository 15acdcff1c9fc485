"""Maps of diffusion: which file is taken among the spellings, makers and spaces."""

from pathlib import Path

import pytest

from bidsml.bids.modalities import find_modality
from bidsml.bids.search import Search
from bidsml.errors import DataError, MissingInputError
from bidsml.spec import FeatureSpec


@pytest.fixture
def recon(tmp_path: Path) -> Path:
    return tmp_path / "qsirecon"


def touch(recon: Path, name: str, *, maker: str = "", session: str = "") -> None:
    folder = recon / maker / "sub-1" / session / "dwi"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"sub-1_{name}.nii.gz").write_bytes(b"x" * 2000)


def find(recon: Path, *, space: str = "", sessions: tuple[str, ...] = (), **keys: object) -> list[str]:
    search = Search(recon.parent, {"qsirecon": recon}, sessions, space=space)
    feature = FeatureSpec(kind="diffusion", **keys)
    return [scan.path.name.removesuffix(".nii.gz") for scan in find_modality("diffusion", feature, "1", search)]


@pytest.mark.parametrize(
    ("name", "measure"),
    [
        ("space-MNI152NLin2009cAsym_model-tensor_param-fa_dwimap", "fa"),
        ("acq-HASC_run-01_space-ACPC_model-dki_param-mk_dwimap", "mk"),
        ("space-T1w_desc-preproc_model-noddi_mdp-icvf_dwimap", "icvf"),
        ("space-T1w_desc-preproc_model-tensor_mfp-FA_dwimap", "fa"),
        ("dwi_model-DTI_desc-FA_dwi", "fa"),
        ("model-DTI_param-MD_dwimap", "md"),
    ],
)
@pytest.mark.parametrize("maker", ["", "qsirecon-DIPYDKI", "derivatives/qsirecon-DSIStudio"])
def test_every_spelling_is_found(recon, name, measure, maker):
    touch(recon, name, maker=maker)
    touch(recon, "space-ACPC_desc-preproc_dwi", maker=maker)
    assert find(recon, measure=measure) == [f"sub-1_{name}"]


def test_a_template_s_space_goes_before_the_participant_s_own(recon):
    for space in ("ACPC", "MNI152NLin2009cAsym"):
        touch(recon, f"space-{space}_model-tensor_param-fa_dwimap")
    assert find(recon) == ["sub-1_space-MNI152NLin2009cAsym_model-tensor_param-fa_dwimap"]
    assert find(recon, space="ACPC") == ["sub-1_space-ACPC_model-tensor_param-fa_dwimap"]


def test_two_makers_of_one_measure_are_not_chosen_between_silently(recon):
    touch(recon, "space-MNI152NLin2009cAsym_model-tensor_param-md_dwimap", maker="qsirecon-DSIStudio")
    touch(recon, "space-MNI152NLin2009cAsym_model-dki_param-md_dwimap", maker="qsirecon-DIPYDKI")
    with pytest.raises(DataError, match="2 maps of one recording") as caught:
        find(recon, measure="md")
    assert "model in the block" in caught.value.hint
    assert find(recon, measure="md", model="dki") == ["sub-1_space-MNI152NLin2009cAsym_model-dki_param-md_dwimap"]
    assert find(recon, measure="md", model="DTI") == ["sub-1_space-MNI152NLin2009cAsym_model-tensor_param-md_dwimap"]


def test_sessions_and_runs_are_recordings_of_their_own(recon):
    for session, run in (("a", 1), ("a", 2), ("b", 1)):
        touch(recon, f"ses-{session}_run-{run}_model-tensor_param-fa_dwimap", session=f"ses-{session}")
    assert len(find(recon)) == 3
    assert len(find(recon, sessions=("a",))) == 2


def test_what_is_not_there_is_told_with_its_pattern(recon):
    touch(recon, "model-tensor_param-fa_dwimap")
    with pytest.raises(MissingInputError, match="no map of icvf") as caught:
        find(recon, measure="icvf", model="noddi")
    assert "sub-1_*_model-noddi_param-icvf_dwimap.nii.gz" in caught.value.hint
