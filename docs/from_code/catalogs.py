"""The tables of feature kinds, estimators, metrics, denoising strategies and atlases, from their catalogs."""

import inspect
import math
import re
from importlib import import_module
from pathlib import Path

from bidsml.atlases import list_atlases
from bidsml.features import CATALOG as FEATURES
from bidsml.learn.estimators import CATALOG as ESTIMATORS
from bidsml.learn.metrics import METRICS
from bidsml.preproc.confounds import STRATEGIES
from from_code.tables import code, write_table

_HEADING = re.compile(r"^([A-Z][a-z]+)\n-+$", re.MULTILINE)
_ROLE = re.compile(r":[a-z]+:`~?([^`]+)`")
_SOURCE = re.compile(r"^\.\. \[(\d+)\] ", re.MULTILINE)
_CITED = re.compile(r"\[(\d+)\]_")
_DOCS = Path(__file__).resolve().parents[1]
_FEATURES = """\
# Feature kinds

A feature block is one `[[features]]` table of [analysis.toml](../reference/analysis.md). It sees the data of one
person; whatever is fitted over people (a mean, a reference, a harmonisation) is fitted in each fold, on its training
rows. Several blocks are taken together.

```toml
[[features]]
kind = "connectome"
atlas = "power2011"
measure = "partial"
```

This table is made from the catalog; the first measure is the default.
"""
_TOLD_WITH = {"phenotype": "table"}
"""Kinds that another kind's page tells of."""
_CATALOGS = """\
# Estimators and metrics

This page is made from the catalogs; `bidsml doctor` prints their names.
"""


def write_features_page() -> str:
    """Write the table of feature kinds, and what the code says of those that have no page of their own."""
    rows = [
        (_linked(kind.name), kind.summary, ", ".join(map(code, kind.measures)), ", ".join(map(code, sorted(kind.keys))))
        for kind in FEATURES.values()
    ]
    table = write_table(("kind", "what it measures", "measures", "keys"), rows)
    return "\n".join([_FEATURES, table, *(_describe(name) for name in FEATURES if not _has_page(name))])


def _has_page(kind: str) -> bool:
    return (_DOCS / "features" / _page_of(kind)).is_file()


def _page_of(kind: str) -> str:
    return f"{_TOLD_WITH.get(kind, kind)}.md"


def _linked(kind: str) -> str:
    return f"[{code(kind)}]({_page_of(kind) if _has_page(kind) else f'#{kind}'})"


def _describe(kind: str) -> str:
    """Take the text of the function that measures a kind, with its sources: reStructuredText as Markdown."""
    function = getattr(import_module(f"bidsml.features.{kind}"), f"extract_{kind}")
    about, *sections = _HEADING.split(inspect.getdoc(function) or "")
    sources = dict(zip(sections[::2], sections[1::2], strict=True)).get("References", "")
    listed = _SOURCE.sub(r"* [\1] ", sources)
    text = _ROLE.sub(r"`\1`", f"{about.strip()}\n\n{listed.strip()}")
    text = _CITED.sub(r"[\1]", text.replace("``", "`"))
    return f"\n## {code(kind)} {{ #{kind} }}\n\n{text}\n"


def write_page() -> str:
    """Write the tables of everything else that an analysis names."""
    return "\n".join(
        [
            _CATALOGS,
            "## Estimators\n",
            "`kind` of an `[[estimators]]` table. A linear one has patterns in the report, a frozen model of plain "
            "numbers, and all its permutation draws are solved together.\n",
            write_table(("kind", "what it is", "tasks", "linear", "probabilities", "grid"), _estimators()),
            "\n## Metrics\n",
            "`primary_metric` of `[inference]`; the report shows all of a task.\n",
            write_table(("metric", "task", "better", "chance"), _metrics()),
            "\n## Denoising strategies\n",
            "`strategy` of `[denoise]`, for BOLD and time series with fMRIPrep's confounds.\n",
            write_table(("strategy",), [(code(name),) for name in STRATEGIES]),
            "\n## Atlases\n",
            "`atlas` of a feature block: one of these names, a folder with a BIDS atlas, a NIfTI with its TSV beside "
            "it, or labels on [surfaces](../features/surfaces.md). What comes from TemplateFlow is read where it was "
            "downloaded before: bidsml says how, and downloads nothing by itself.\n",
            write_table(("atlas", "comes"), _atlases()),
        ]
    )


def _atlases() -> list[tuple[str, str]]:
    """Names by family: thirty that differ in two numbers stand in three rows."""
    families: dict[str, list[str]] = {}
    for name in list_atlases():
        # TemplateFlow's names have a variant behind a hyphen, the packaged ones have none.
        families.setdefault(name.partition("-")[0], []).append(name)
    return [
        (", ".join(map(code, names)), "from TemplateFlow" if "-" in names[0] else "with bidsml")
        for names in families.values()
    ]


def _estimators() -> list[tuple[str, ...]]:
    rows = []
    for name, kind in ESTIMATORS.items():
        _, grid = kind.build(sorted(kind.tasks)[0], class_weight="none", seed=0)
        tuned = "; ".join(f"{code(key)}: {', '.join(f'{value:g}' for value in values)}" for key, values in grid.items())
        tasks = " and ".join(sorted(kind.tasks))
        rows.append((code(name), kind.label, tasks, _yes(kind.linear), _yes(kind.has_probabilities), tuned or "none"))
    return rows


def _metrics() -> list[tuple[str, ...]]:
    return [
        (code(name), metric.task, "higher" if metric.higher_is_better else "lower", _chance(metric.chance))
        for name, metric in METRICS.items()
    ]


def _chance(value: float) -> str:
    return f"{value:g}" if math.isfinite(value) else "depends on the data"


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"
