"""Events are read in seconds, and odd ones are refused with their line."""

import pytest

from bidsml.errors import DataError, MissingInputError
from bidsml.preproc.events import read_events


@pytest.fixture
def events(tmp_path):
    def write(text: str):
        path = tmp_path / "sub-1_task-x_events.tsv"
        path.write_text(text)
        return read_events(path, scan_s=100.0)

    return write


def test_rows_come_in_order_of_onset_without_those_of_no_condition(events):
    found = events(
        "onset\tduration\ttrial_type\tresponse\n9\t0\tb\tn/a\n2.5\t1\ta\t1\n2.5\t1\tb\t1\nn/a\tn/a\tn/a\tn/a\n5\t0\tn/a\t1\n"
    )
    assert found.to_numpy().tolist() == [[2.5, 1.0, "a"], [2.5, 1.0, "b"], [9.0, 0.0, "b"]]


def test_an_event_may_begin_before_the_run(events):
    assert events("onset\tduration\ttrial_type\n-1\t2\ta\n")["onset"].tolist() == [-1.0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("onset\tduration\n1\t1\n", "no column 'trial_type'"),
        ("onset\tduration\tcondition\n1\t1\ta\n", "no column 'trial_type'"),
        ("onset\tduration\ttrial_type\n1\t1\ta\n101\t1\ta\n", "tsv:3: onset 101 s lies beyond the end"),
        ("onset\tduration\ttrial_type\n1\t1\ta\n100\t1\ta\n", "tsv:3"),
        ("onset\tduration\ttrial_type\n1\t1\ta\nn/a\t1\ta\n", "tsv:3: onset must be a number of seconds, found 'n/a'"),
        ("onset\tduration\ttrial_type\n1\tn/a\ta\n", "tsv:2: duration must be a number"),
        ("onset\tduration\ttrial_type\n1\t-1\ta\n", "negative"),
        ("onset\tduration\ttrial_type\n-9\t2\ta\n", "before the run"),
        ("onset\tduration\ttrial_type\n1\t1\tn/a\n", "no event with a trial_type"),
        ("onset\tduration\ttrial_type\n1\tinf\ta\n", "number of seconds"),
        ("", "not a readable"),
    ],
)
def test_odd_tables_are_refused(events, text, words):
    with pytest.raises(DataError, match=words) as caught:
        events(text)
    assert caught.value.hint


def test_a_file_that_is_gone(tmp_path):
    with pytest.raises(MissingInputError):
        read_events(tmp_path / "none.tsv", scan_s=1.0)
