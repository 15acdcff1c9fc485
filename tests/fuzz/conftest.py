"""Profiles of the fuzz tests: the same examples every time; with ``BIDSML_FUZZ=50`` fifty times as many, drawn anew."""

import pytest
from hypothesis import HealthCheck, Phase, settings

# The law of tests/shared/fuzzing.py has its own limits; examples share folders on purpose.
_SLOW_MACHINE = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]

settings.register_profile(
    "fuzz",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=_SLOW_MACHINE,
    # Shrinking takes long where everything fails: a first failure is enough to see.
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    print_blob=True,
)
settings.register_profile("fuzz-deep", settings.get_profile("fuzz"), derandomize=False)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder for all examples of a module; each overwrites its files."""
    return tmp_path_factory.mktemp("fuzz")
