"""Grey-matter density and volumes: what is taken, in which order, and what is refused."""

import numpy as np
import pytest

from bidsml.errors import DataError
from bidsml.features import CATALOG
from bidsml.spec import FeatureSpec
from tests.features.conftest import make_data

VOLUMES = {"b": 6.0, "a": 4.0, "total_gray_matter": 600.0, "total_csf": 200.0, "total_brain": 1250.0}


def extract(kind: str, measure: str | None = None, **fields: object):
    data = make_data(signals=None, **{"regions": ("a", "b"), **fields})
    return CATALOG[kind].extract(data, block="x", options=FeatureSpec(kind=kind, measure=measure))


def test_density_is_handed_on_by_region() -> None:
    vector = extract("gray_matter", density=np.array([0.25, 0.5]))
    assert dict(zip(vector.names, vector.values, strict=True)) == {"a": 0.25, "b": 0.5}
    assert vector.atlas == "x"


def test_volumes_follow_the_order_of_the_atlas_and_totals_come_last() -> None:
    vector = extract("morphometry", volumes_ml=VOLUMES)
    assert vector.names == ("a", "b", "total_gray_matter", "total_csf", "total_brain")
    assert vector.values.tolist() == [4.0, 6.0, 600.0, 200.0, 1250.0]


def test_the_share_of_the_brain_does_not_depend_on_its_size() -> None:
    shares = extract("morphometry", "volume_of_brain", volumes_ml=VOLUMES)
    larger = extract("morphometry", "volume_of_brain", volumes_ml={k: 1.3 * v for k, v in VOLUMES.items()})
    np.testing.assert_allclose(shares.values, larger.values)
    assert shares.names == ("a", "b", "total_gray_matter", "total_csf")
    assert shares.values[0] == pytest.approx(4 / 1250)


def test_a_region_without_a_volume_is_missing_with_a_reason() -> None:
    vector = extract("morphometry", volumes_ml={"a": 1.0, "total_brain": 2.0})
    assert np.isnan(vector.values[1])
    assert vector.missing == {"b": "not measured"}


@pytest.mark.parametrize("volumes", [{"a": 1.0}, {"a": 1.0, "total_brain": 0.0}])
def test_a_share_of_no_brain_is_refused(volumes: dict) -> None:
    with pytest.raises(DataError, match="brain's volume"):
        extract("morphometry", "volume_of_brain", volumes_ml=volumes)


@pytest.mark.parametrize("kind", ["gray_matter", "morphometry"])
def test_without_anatomy_there_is_nothing_to_measure(kind: str) -> None:
    with pytest.raises(DataError, match=kind) as caught:
        extract(kind)
    assert "T1w" in caught.value.hint
