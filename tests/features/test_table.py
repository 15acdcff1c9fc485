"""Rows of tables as features."""

import numpy as np
import pytest

from bidsml.errors import DataError
from bidsml.features.phenotype import extract_phenotype
from bidsml.features.table import extract_table
from bidsml.spec import FeatureSpec
from tests.features.conftest import make_data


def test_values_keep_the_table_s_order_and_absent_ones_say_so() -> None:
    data = make_data(table={"z": 1.0, "a": float("nan"), "sex[F]": 0.0})
    vector = extract_table(data, block="t", options=FeatureSpec(kind="table", file="x.tsv"))
    assert vector.names == ("z", "a", "sex[F]")
    np.testing.assert_array_equal(vector.values, [1, np.nan, 0])
    assert vector.missing == {"a": "n/a in the table"}
    assert vector.layout == "vector"


@pytest.mark.parametrize("extract", [extract_table, extract_phenotype])
def test_no_column_is_an_error(extract) -> None:
    with pytest.raises(DataError, match="no column"):
        extract(make_data(), block="t", options=FeatureSpec(kind="table", file="x.tsv"))
