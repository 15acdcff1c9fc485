"""A map of the brain, to step through: nilearn's ``view_img``.

What draws it is BrainSprite (Simard et al., https://simexp.github.io/brainsprite.js), which nilearn brings and which
needs neither jQuery nor functions made of text, so that it runs under the page's strict content-security policy
(seen in Chromium 156). Of nilearn's page only its pictures, its settings and that library are taken: the rest asks a
web server for an icon and has random ids. Sliders for the three slices are added, for those who use a keyboard.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bidsml.errors import BidsmlError
from bidsml.records import WeightMap
from bidsml.report.blocks import Block, Table
from bidsml.report.canvas import paint_figure

_COLOURS = "RdBu_r"
_HEIGHT_IN = 1.5
_CUTS = 6
_SMALL = 7
_PICTURE = re.compile(
    r'<img id="(spriteImg|colorMap|overlayImg)-[^>]*?src="(data:image/[a-z]+;base64,[A-Za-z0-9+/=]+)"'
)
_SETTINGS = re.compile(r"brainsprite\((\{.*?\})\);", re.DOTALL)
_LIBRARY = re.compile(r"<script>\s*(/\*! brainsprite v.*?)</script>", re.DOTALL)
_NAMES = {"spriteImg": "sprite", "colorMap": "colours", "overlayImg": "overlay"}


@dataclass(frozen=True)
class BrainMap(Block):
    """Values in the brain, as slices and as a volume to step through.

    ``pictures`` are data addresses: ``sprite`` (the template), ``overlay`` and ``colours``. ``settings`` is JSON for
    BrainSprite; the page's ids are put in when it starts. ``library`` is BrainSprite itself.
    """

    kind: ClassVar[str] = "brainmap"
    name: str
    alt: str
    table: Table
    svg: str
    pictures: Mapping[str, str]
    settings: str
    library: str

    @property
    def libraries(self) -> tuple[str, ...]:
        """BrainSprite."""
        return (self.library,)

    @property
    def scripts(self) -> tuple[str, ...]:
        """The volume opens at a button, and the numbers can be saved."""
        return ("brainmap.js", "table.js")

    @property
    def drawings(self) -> Mapping[str, str]:
        """The slices."""
        return {self.name: self.svg}


def make_brain_map(given: WeightMap, *, name: str, alt: str, table: Table) -> BrainMap:
    """Draw a map over nilearn's template; without one where the map's space is not MNI's.

    Raises
    ------
    BidsmlError
        The installed nilearn makes its viewer otherwise than this was written for.
    """
    import nibabel as nib
    from nilearn.plotting import view_img

    image: Any = nib.Nifti1Image(given.volume, given.affine)  # type: ignore[no-untyped-call]
    # A space that is not told is most often MNI: sphere centres of papers, label images of users.
    behind = "MNI152" if given.space.startswith("MNI") or not given.space else None
    view = view_img(
        image, bg_img=behind, cmap=_COLOURS, resampling_interpolation="nearest", black_bg=False, colorbar=True
    ).html
    pictures = {_NAMES[kind]: address for kind, address in _PICTURE.findall(view)}
    settings, library = _SETTINGS.search(view), _LIBRARY.search(view)
    if len(pictures) != len(_NAMES) or settings is None or library is None:
        raise BidsmlError(
            "nilearn's view_img made a page without the pictures, settings or library that were looked for",
            hint="install the version of nilearn that bidsml's lock file names",
        )
    return BrainMap(
        name=name,
        alt=alt,
        table=table,
        svg=_draw_slices(image, behind, name=name, alt=alt),
        pictures=pictures,
        settings=json.dumps(_settings(json.loads(settings[1])), sort_keys=True),
        library=library[1],
    )


def _settings(found: dict[str, Any]) -> dict[str, Any]:
    """Leave out nilearn's random ids, and show the value under the cross."""
    overlay = {key: value for key, value in found["overlay"].items() if key != "sprite"}
    colours = {key: value for key, value in found["colorMap"].items() if key != "img"}
    rest = {key: value for key, value in found.items() if key not in ("canvas", "sprite")}
    return {**rest, "overlay": overlay, "colorMap": colours, "flagValue": True}


def _draw_slices(image: Any, behind: str | None, *, name: str, alt: str) -> str:
    """Draw axial slices where the map has values, as SVG."""
    filled = np.flatnonzero(np.asarray(image.dataobj).any(axis=(0, 1)))
    ends = filled[[0, -1]] if filled.size else np.array([0, image.shape[2] - 1])
    bottom, top = sorted(float(image.affine[2, 2] * end + image.affine[2, 3]) for end in ends)
    cuts = np.rint(np.linspace(bottom, top, _CUTS + 2)[1:-1])

    def paint(figure: Any) -> None:
        from nilearn.datasets import load_mni152_template
        from nilearn.plotting import plot_stat_map

        background: Any = load_mni152_template(resolution=2) if behind else None  # type: ignore[no-untyped-call]
        display = plot_stat_map(
            image, bg_img=background, figure=figure, display_mode="z", cut_coords=cuts, black_bg=False, cmap=_COLOURS,
            threshold=1e-6, resampling_interpolation="nearest", colorbar=True, annotate=False,
        )  # fmt: skip
        display.annotate(size=_SMALL)
        for axes in figure.axes:
            axes.tick_params(labelsize=_SMALL)

    return paint_figure(name, paint, alt=alt, height_in=_HEIGHT_IN)
