import numpy as np
import pandas as pd
import pytest

from bidsml.errors import AnalysisFileError
from bidsml.learn.conditions import names_in, select

TABLE = pd.DataFrame(
    {
        "age": [17.0, 18.0, 40.0, np.nan],
        "mean_fd": [0.1, 0.6, 0.2, 0.1],
        "site": ["A", "B", None, "A"],
        "mean fd": [1.0, 2.0, 3.0, 4.0],
    }
)


@pytest.mark.parametrize(
    "expression",
    [
        "age >= 18 and mean_fd < 0.5",
        "age < 18 or mean_fd > 0.5",
        "not (age >= 18)",
        "18 <= age < 41",
        "age * 2 - 1 > 35",
        "`mean fd` % 2 == 0",
        "-age < -17",
        "mean_fd in [0.1, 0.2]",
    ],
)
def test_agrees_with_pandas_where_nothing_is_missing(expression):
    complete = TABLE.iloc[:3]
    expected = complete.query(expression, engine="python").index
    np.testing.assert_array_equal(np.flatnonzero(select(complete, expression)), expected)


@pytest.mark.parametrize("expression", ["age > 0", "age <= 0", "age == 1", "age != 1", "age in [1]", "age not in [1]"])
def test_a_comparison_with_a_missing_value_is_false(expression):
    assert not select(TABLE, expression)[3]


def test_text_is_compared_with_text():
    np.testing.assert_array_equal(select(TABLE, "site not in ['B']"), [True, False, False, True])
    np.testing.assert_array_equal(select(TABLE, "site == 'A'"), [True, False, False, True])


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os').system('true')",
        "age.values > 1",
        "age[0] > 1",
        "(lambda: 1)() > 0",
        "[x for x in age] == 1",
        "age ** 9 > 1",
        "age if 1 else age",
        "f'{age}' == '1'",
        "(age := 3) > 1",
        "age > 1; age",
        "~age > 1",
        "age",
        "1",
        "True",
        "None == 1",
        "site > 1",
        "site == 1",
        "'a' + site == 'b'",
        "age in 3",
        "age and 1",
        "",
        "age >",
        "-" * 5000 + "age > 1",
        "(" * 500 + "age" + ")" * 500 + "> 1",
    ],
)
def test_everything_else_is_refused(expression):
    with pytest.raises(AnalysisFileError, match=r"cohort\.include"):
        select(TABLE, expression)


def test_an_unknown_column_gets_near_names():
    with pytest.raises(AnalysisFileError) as caught:
        select(TABLE, "agee > 3")
    assert "'age'" in caught.value.hint


def test_names_are_found_once_and_unquoted():
    assert names_in("age > 1 and `mean fd` < 3 or age < 0") == ("age", "mean fd")
