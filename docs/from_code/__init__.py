"""Pages of the documentation that are made from the code, so that they can't fall behind it."""

from collections.abc import Callable, Mapping

from from_code import catalogs, commands, faults, keys, texts
from from_code.columns import put_columns_in_place
from from_code.demo import find_demo, list_reports
from from_code.drawings import put_drawings_in_place
from from_code.navigation import expand

PAGES: Mapping[str, Callable[[], str]] = {
    "reference/command-line.md": commands.write_page,
    "reference/analysis.md": keys.write_analysis_page,
    "reference/study.md": keys.write_study_page,
    "reference/catalogs.md": catalogs.write_page,
    "reference/faults.md": faults.write_page,
    "features/index.md": catalogs.write_features_page,
    "workflows.md": texts.write_workflows_page,
    "cluster.md": texts.write_cluster_page,
    "containers.md": texts.write_containers_page,
}
"""What writes each page, by its place in the site."""

__all__ = ["PAGES", "expand", "find_demo", "list_reports", "put_columns_in_place", "put_drawings_in_place"]
