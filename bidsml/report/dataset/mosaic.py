"""Everybody as a small picture: what looks unlike the others deserves a look."""

from dataclasses import dataclass
from typing import ClassVar

from bidsml.records import Dataset, ParticipantEntry
from bidsml.report.blocks import Block, Link, Section
from bidsml.report.pictures import png_address
from bidsml.report.wording import number

TOP_MM = 1.0
"""Upper edge of a motion curve: the same for everyone, so that curves can be compared."""
_WIDTH, _HEIGHT = 96, 32


@dataclass(frozen=True)
class Tile:
    """One participant's picture: a slice as a ``data:`` address, or the path of a curve in a box of 96 by 32."""

    link: Link
    words: str
    picture: str = ""
    curve: str = ""


@dataclass(frozen=True)
class Mosaic(Block):
    """Small pictures beside each other, each a link."""

    kind: ClassVar[str] = "mosaic"
    tiles: tuple[Tile, ...]


def section(dataset: Dataset) -> Section | None:
    """Show each participant that has a page, with a slice of its T1w, or else with its motion over time."""
    entries: dict[str, ParticipantEntry] = {}
    for one in dataset.participants:
        known = entries.get(one.participant_id)
        if one.page and one.standing == "done" and (known is None or not known.overview.picture.size):
            entries[one.participant_id] = one
    shown = [one for one in entries.values() if one.overview.picture.size or one.overview.fd_mm]
    if not shown:
        return None
    brains = any(one.overview.picture.size for one in shown)
    what = "a slice of the T1w as it was preprocessed" if brains else "framewise displacement over time"
    scale = "" if all(one.overview.picture.size for one in shown) else f" Curves reach from 0 to {TOP_MM:g} mm."
    return Section(
        anchor="mosaic",
        title="Pictures",
        lead=f"Everybody at a glance: {what}, with the mean displacement and the verdict. A picture unlike the others "
        f"deserves a look.{scale}",
        blocks=(Mosaic(tuple(_tile(one) for one in shown)),),
    )


def _tile(one: ParticipantEntry) -> Tile:
    words = [f"{number(one.mean_fd_mm, 2)} mm"] if one.mean_fd_mm == one.mean_fd_mm else []
    words += [one.verdict] if one.verdict else []
    has_picture = bool(one.overview.picture.size)
    return Tile(
        Link(f"sub-{one.participant_id}", one.page),
        ", ".join(words),
        picture=png_address(one.overview.picture) if has_picture else "",
        curve="" if has_picture else draw_curve(one.overview.fd_mm),
    )


def draw_curve(fd_mm: tuple[float, ...]) -> str:
    """Draw displacement over time as the path of an area, in a box of 96 by 32 whose lower edge is 0 mm."""
    step = _WIDTH / max(len(fd_mm), 1)
    heights = [round(_HEIGHT * (1 - min(value, TOP_MM) / TOP_MM)) for value in fd_mm]
    points = "".join(f"L{round(step * (index + 0.5))} {height}" for index, height in enumerate(heights))
    return f"M0 {_HEIGHT}{points}L{_WIDTH} {_HEIGHT}z"
