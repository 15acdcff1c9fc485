"""Six parameters and matrices say the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from bidsml.preproc.functional.rigid import centre_of_view, move_points, relative_to, rigid_matrix, rigid_parameters
from bidsml.simulate.motion import move_points as move_simulated

six = st.lists(st.floats(-1, 1), min_size=6, max_size=6).map(lambda p: np.array(p) * [20, 20, 20, 1, 1, 1])


@given(six, st.lists(st.floats(-80, 80), min_size=3, max_size=3).map(np.array))
def test_parameters_come_back(parameters, centre):
    matrix = rigid_matrix(parameters, centre)
    np.testing.assert_allclose(rigid_parameters(matrix, centre), parameters, atol=1e-9)
    np.testing.assert_allclose(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3), atol=1e-12)


def test_convention_is_rotation_about_the_centre_then_shift():
    centre, x = np.array([1.0, 2, 3]), np.array([[4.0, -5, 6]])
    p = np.array([0.5, -1, 2, 0.1, 0.2, -0.3])
    rx, ry, rz = (Rotation.from_rotvec(a * np.eye(3)[i]).as_matrix() for i, a in enumerate(p[3:]))
    expected = (rz @ ry @ rx @ (x[0] - centre)) + centre + p[:3]
    np.testing.assert_allclose(move_points(x, rigid_matrix(p, centre))[0], expected)


def test_simulation_and_estimation_mean_the_same():
    centre, p = np.array([3.0, -2, 9]), np.array([0.5, -1, 2, 0.1, 0.2, -0.3])
    x = np.random.default_rng(0).normal(size=(10, 3)) * 40
    np.testing.assert_allclose(move_points(x, rigid_matrix(p, centre)), move_simulated(x, p, centre))


def test_relative_to_a_volume_makes_it_rest():
    motion = np.random.default_rng(0).normal(size=(5, 6)) * 0.2
    centre = np.array([5.0, 0, 0])
    relative = relative_to(motion, 3, centre)
    np.testing.assert_allclose(relative[3], 0, atol=1e-12)
    there = rigid_matrix(relative[1], centre) @ rigid_matrix(motion[3], centre)
    np.testing.assert_allclose(there, rigid_matrix(motion[1], centre), atol=1e-12)


def test_centre_of_view_is_between_the_outermost_voxels():
    affine = np.diag([2.0, 3.0, 4.0, 1.0])
    assert centre_of_view((3, 4, 5, 9), affine) == pytest.approx([2.0, 4.5, 8.0])
