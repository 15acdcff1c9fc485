"""Free memory, read from made-up kernels; the numbers are bytes but in meminfo, which counts in KiB."""

import os

import pytest

from bidsml.machine import free_memory_gb

GB = 10**9


def write(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{text}\n")


@pytest.fixture
def kernel(tmp_path):
    """A machine with 16 GB to be had."""
    write(tmp_path, {"proc/meminfo": f"MemFree: 1 kB\nMemAvailable: {16 * GB // 1024} kB"})
    return tmp_path


def group(limit, used, cached=0, *, v1=False):
    limits = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    names = limits if v1 else ("memory.max", "memory.current", "inactive_file")
    return {names[0]: limit, names[1]: used, "memory.stat": f"anon 1\n{names[2]} {cached}"}


def place(folder, files):
    return {f"{folder}/{name}": text for name, text in files.items()}


def test_without_groups_it_is_what_the_kernel_calls_available(kernel):
    assert free_memory_gb(kernel) == pytest.approx(16, rel=1e-6)


def test_a_docker_container_is_limited_at_the_top_of_its_own_tree(kernel):
    write(kernel, {"proc/self/cgroup": "0::/"} | place("sys/fs/cgroup", group(4 * GB, 3 * GB, 2 * GB)))
    # Of 3 GB in use, 2 are file cache that the kernel gives back.
    assert free_memory_gb(kernel) == pytest.approx(3)


def test_the_tightest_level_of_a_cluster_job_counts(kernel):
    write(kernel, {"proc/self/cgroup": "0::/slurm/job_7/step_0"})
    write(kernel, place("sys/fs/cgroup/slurm/job_7", group(2 * GB, GB)))
    write(kernel, place("sys/fs/cgroup/slurm/job_7/step_0", group("max", GB)))
    assert free_memory_gb(kernel) == pytest.approx(1)


def test_the_older_layout_of_groups(kernel):
    write(kernel, {"proc/self/cgroup": "3:cpuset:/x\n7:memory:/slurm/job_7\n0::/"})
    write(kernel, place("sys/fs/cgroup/memory/slurm/job_7", group(5 * GB, GB, v1=True)))
    # The top of the tree has no limit: a number near 2**63.
    write(kernel, place("sys/fs/cgroup/memory", group(2**63 - 4096, 9 * GB, v1=True)))
    assert free_memory_gb(kernel) == pytest.approx(4)


def test_more_in_use_than_allowed_leaves_nothing(kernel):
    write(kernel, {"proc/self/cgroup": "0::/"} | place("sys/fs/cgroup", group(GB, 2 * GB)))
    assert free_memory_gb(kernel) == 0


def test_this_machine_has_some_but_not_more_than_is_built_in():
    assert 0 < free_memory_gb() <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
