"""The participant level's exit code follows from its failures alone."""

import pytest

from bidsml.app.participant_level import _exit_code
from bidsml.errors import BidsmlError, DataError, InterruptedRunError
from bidsml.graph.run import NodeFailure

CUT_OFF = NodeFailure("wf.sub_01.publish", InterruptedRunError("a worker was killed"))
BAD_DATA = NodeFailure("wf.sub_02.read", DataError("truncated"))
BUG = NodeFailure("wf.sub_03.read", BidsmlError("unexpected"), is_bug=True)


@pytest.mark.parametrize(
    ("failures", "some_done", "code"),
    [
        ([], True, 0),
        ([BAD_DATA], True, 1),
        ([BAD_DATA], False, 1),
        ([CUT_OFF, CUT_OFF], True, 75),
        ([CUT_OFF, BAD_DATA], True, 1),
        ([BUG], False, 70),
        ([BUG], True, 1),
    ],
)
def test_exit_code(failures, some_done, code):
    assert _exit_code(failures, some_done=some_done) == code
