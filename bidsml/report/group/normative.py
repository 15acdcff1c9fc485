"""How far people are from what is expected of them, and whether that can be relied on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bidsml.records import Deviations, FloatArray, Result
from bidsml.report.blocks import Block, Figure, Paragraph, Section, Table
from bidsml.report.lookup import read_spec
from bidsml.report.normative_plot import share_histogram
from bidsml.report.wording import name_columns, number, percent, plural
from bidsml.spec import NormativeSpec

_LIMIT = 1.96
_EXPECTED = 0.05
# Of fewer people, a share outside of 5 % says nothing.
_FEWEST = 20


_SITES = (
    "Site by site, the mean of z should be 0 but for chance. A site's own offset is shrunken, which leaves some of it; "
    "a norm that knows no sites leaves all of it. Off by is the root mean square over features."
)


@dataclass(frozen=True)
class _Fit:
    """How well z of some people does: per feature the share outside ±1.96 and the standard deviation, ``(k,)``."""

    outside: FloatArray
    deviation: FloatArray
    n: int


def section(result: Result) -> Section | None:
    """Show whether z-scores of reference people are what they promise, overall and at each site."""
    found, spec = result.deviations, read_spec(result).normative
    if found is None or spec is None:
        return None
    people = found.reference & np.isfinite(found.z).any(axis=1)
    if people.sum() < 2:
        return None
    given = f" given {name_columns(spec.columns)}" if spec.columns else ""
    blocks: list[Block] = [_figure(result, found, people)]
    sites = _sites(result, found, people)
    if sites:
        blocks += [Paragraph(_SITES), sites]
    blocks += [Paragraph(text) for text in _remarks(found, people, spec)]
    return Section(
        anchor="normative",
        title="Normative scores",
        lead=f"Every feature is how far a person is from what is expected{given}, in standard deviations (z), by a "
        "norm that was fitted without that person. If the norm is right, 5 % of the people it is made for lie outside "
        "±1.96 and z has a standard deviation of 1. The scores may be used on their own: zscores.tsv.",
        blocks=tuple(blocks),
    )


def _fit(z: FloatArray) -> _Fit:
    """Summarise the features that at least half of these people have."""
    known = np.isfinite(z)
    usable = known.mean(axis=0) >= 0.5 if len(z) else np.zeros(z.shape[1], dtype=bool)
    mine, there = z[:, usable], known[:, usable]
    outside = (np.abs(mine) > _LIMIT).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    return _Fit(outside, np.nanstd(mine, axis=0, ddof=1) if len(z) > 1 else np.empty(0), len(z))


def _range(values: FloatArray) -> tuple[float, float, float]:
    low, middle, high = np.quantile(values, (0.05, 0.5, 0.95))
    return float(low), float(middle), float(high)


def _cells(fit: _Fit) -> tuple[str, ...]:
    low, middle, high = _range(fit.outside)
    narrow, usual, wide = _range(fit.deviation)
    return (
        str(fit.n),
        percent(middle),
        f"{percent(low)} to {percent(high)}",
        number(usual),
        f"{number(narrow)} to {number(wide)}",
    )


_COLUMNS = ("People", "Outside ±1.96", "over features, 5 to 95 %", "SD of z", "over features, 5 to 95 %")


def _groups(result: Result, found: Deviations, people: NDArray[np.bool_]) -> Table:
    """Tell reference people, what plain residuals would have said of them, and everyone else by class."""
    rows = [("reference people", _fit(found.z[people])), ("the same, plain regression", _fit(found.raw[people]))]
    others = ~found.reference & np.isfinite(found.z).any(axis=1)
    for code, name in enumerate(result.cohort.classes):
        rows.append((f"others: {name}", _fit(found.z[others & (result.cohort.target == code)])))
    if not result.cohort.classes:
        rows.append(("others", _fit(found.z[others])))
    shown = tuple((name, *_cells(fit)) for name, fit in rows if fit.n >= _FEWEST and fit.outside.size)
    return Table("normative scores by group, out of fold; the median feature first", ("Group", *_COLUMNS), shown)


def _sites(result: Result, found: Deviations, people: NDArray[np.bool_]) -> Table | None:
    """Tell reference people of every site with enough of them."""
    site = np.array([str(name) for name in result.cohort.site]) if result.cohort.site else np.empty(0)
    rows = []
    for name in sorted(set(site.tolist())):
        mine = people & (site == name)
        if mine.sum() >= _FEWEST:
            ours, plain = found.z[mine], found.raw[mine]
            fit = _fit(ours)
            cells = (percent(_range(fit.outside)[1]), number(_range(fit.deviation)[1]), number(_off(ours), 2))
            rows.append((name, str(fit.n), *cells, number(_off(plain), 2), number(mine.sum() ** -0.5, 2)))
    if not rows:
        return None
    columns = ("Site", "People", "Outside ±1.96", "SD of z", "Mean z off by", "of plain regression", "by chance")
    return Table(f"reference people of sites with {_FEWEST} or more of them; the median feature", columns, tuple(rows))


def _off(z: FloatArray) -> float:
    """Say how far the mean z of some people is from 0: root mean square over features."""
    return float(np.sqrt(np.nanmean(np.nanmean(z[:, np.isfinite(z).any(axis=0)], axis=0) ** 2)))


def _figure(result: Result, found: Deviations, people: NDArray[np.bool_]) -> Figure:
    ours, plain = _fit(found.z[people]), _fit(found.raw[people])
    low, middle, high = _range(ours.outside)
    alt = (
        f"Share of {ours.n} reference people outside ±1.96, over {plural(ours.outside.size, 'feature')}: "
        f"{percent(middle)} for the median feature, {percent(low)} to {percent(high)} for the middle 90 % of "
        f"them; {percent(_EXPECTED)} is expected. Plain regression: {percent(_range(plain.outside)[1])}, "
        "which may hide that it is too narrow at one site and age and too wide at another."
    )
    svg = share_histogram(
        {"normative scores": 100 * ours.outside, "plain regression": 100 * plain.outside},
        n_people=ours.n,
        expected=100 * _EXPECTED,
        label="Reference people outside ±1.96, percent",
        name="normative",
        alt=alt,
    )
    return Figure(name="normative", svg=svg, alt=alt, table=_groups(result, found, people))


def _remarks(found: Deviations, people: NDArray[np.bool_], spec: NormativeSpec) -> list[str]:
    said = []
    without = int(np.isnan(found.z).all(axis=0).sum())
    if without:
        said.append(
            f"No norm for {plural(without, 'feature')} of {len(found.names)}: missing too often, or the same for all "
            "reference people. Models get 0 in their place."
        )
    unseen = int((found.unseen & people).sum())
    if unseen:
        said.append(
            f"{plural(unseen, 'reference person', 'reference people')} came from a site without reference people in "
            "training: expected to be like everyone, with the variance between sites on top of their own."
        )
    if spec.reference:
        said.append(
            f"The norm is that of people with {spec.reference}. It is never fitted on people who are being scored, nor "
            "on test people; training people of the reference were scored by a norm that they had a part in."
        )
    return said
