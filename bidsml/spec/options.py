"""Where and with what a run happens; never what it computes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal


@dataclass(frozen=True)
class RunOptions:
    """The command line of one run, checked and typed.

    Attributes
    ----------
    filters
        ``--bids-filter-file``: by query name (``bold``, ``relmat``, ``timeseries``), BIDS entities that a
        file must have; a value may be a list.
    study
        ``study.toml``: what software cannot know of a study.
    apply
        Group level: folder of a frozen model that is judged on this dataset, in place of learning.
    fetch_templates
        Download the template of raw images where it is not at hand.
    shards, shard
        Group level: into how many jobs the permutations are divided, and which of them this one is, counted from 1;
        without ``shard`` the job takes what the others drew and makes the result.
    mem_gb
        Memory for all nodes that run at once.
    """

    bids_dir: Path
    output_dir: Path
    level: Literal["participant", "group"]
    work_dir: Path
    participant_labels: tuple[str, ...] = ()
    session_labels: tuple[str, ...] = ()
    task_ids: tuple[str, ...] = ()
    filters: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: MappingProxyType({}))
    derivatives: Mapping[str, Path] = field(default_factory=lambda: MappingProxyType({}))
    bids_database_dir: Path | None = None
    skip_bids_validation: bool = False
    random_seed: int = 0
    study: Path | None = None
    apply: Path | None = None
    shards: int = 1
    shard: int | None = None
    nprocs: int = 1
    omp_nthreads: int = 1
    mem_gb: float = 4.0
    plugin_file: Path | None = None
    dry_run: bool = False
    reports_only: bool = False
    boilerplate_only: bool = False
    stop_on_first_crash: bool = False
    fetch_templates: bool = False
    write_graph: bool = False
    allow_partial: bool = False
    clean_workdir: bool = False
    verbosity: int = 0
    command: tuple[str, ...] = ()

    @property
    def node_threads(self) -> int:
        """Threads of one node: never more than there are processes to give."""
        return min(self.omp_nthreads, self.nprocs)
