"""Which network each region of a scan belongs to."""

import logging
from collections.abc import Sequence

from bidsml.atlases import load_atlas, networks_in_names
from bidsml.errors import BidsmlError

logger = logging.getLogger(__name__)


def find_networks(regions: Sequence[str], *, atlases: Sequence[str]) -> tuple[str, ...]:
    """Network of every region of ready-made signals or of a matrix.

    Parameters
    ----------
    atlases
        Names or places that may tell, the likeliest first: the analysis's atlas, the atlas in the file's name.

    Returns
    -------
    tuple of str
        From the first atlas that is at hand, knows every region and names networks; else from the regions' own names,
        as Schaefer's are; empty where neither tells.
    """
    for reference in dict.fromkeys(name for name in atlases if name):
        try:
            atlas = load_atlas(reference)
        except BidsmlError as error:
            # Only networks are lost: a ready-made matrix may rest on an atlas that only its maker has.
            logger.info("no atlas %s: %s", reference, error.message)
            continue
        known = dict(zip(atlas.names, atlas.networks, strict=True)) if atlas.networks else {}
        if known.keys() >= set(regions):
            return tuple(known[region] for region in regions)
    return networks_in_names(regions)
