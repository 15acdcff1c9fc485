"""One coarse head, simulated once."""

import pytest

from bidsml.simulate.head import SimulatedHead, simulate_head


@pytest.fixture(scope="session")
def head() -> SimulatedHead:
    return simulate_head(seed=3, voxel_mm=4.0)
