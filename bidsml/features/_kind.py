"""What a feature kind is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, cast

if TYPE_CHECKING:
    from pydantic import BaseModel

    from bidsml.records import FeatureVector, ScanData
    from bidsml.spec import FeatureSpec

Need = Literal[
    "signals", "unfiltered", "matrix", "table", "density", "volumes", "contrasts", "maps", "scalars", "spectrum"
]


@dataclass(frozen=True)
class FeatureKind:
    """One entry of the catalog.

    Attributes
    ----------
    needs
        Parts of ``ScanData`` the kind can work from; any one of them is enough.
    measures
        Measures the kind offers, the default first.
    keys
        Keys of a ``[[features]]`` block that the kind takes beside ``kind`` and ``name``.
    summary
        One line for the documentation.
    units
        Unit of each measure, in their order; ``1`` where there is none.
    function
        What measures one person, called ``function(data, *, block, options)``. A kind of bidsml's own leaves it out:
        it is ``extract_<name>`` of its file.
    modality
        Of a kind that reads files of its own, an entry of ``bidsml.bids.modalities``; empty for all others.
    datatype
        Folder of BIDS that the features are published in, where it is not ``func``.
    settings
        Pydantic model that the ``options`` table of a block must fit; ``None``: the kind takes no ``options``.
    """

    name: str
    needs: frozenset[Need]
    measures: tuple[str, ...]
    keys: frozenset[str]
    summary: str
    units: tuple[str, ...] = ()
    function: Callable[..., FeatureVector] | None = None
    settings: type[BaseModel] | None = None
    modality: str = ""
    datatype: str = ""

    def extract(self, data: ScanData, *, block: str, options: FeatureSpec) -> FeatureVector:
        """Measure one person (see the kind's own function)."""
        return self.find_function()(data, block=block, options=options)

    def find_function(self) -> Callable[..., FeatureVector]:
        """Import and return the function that measures one person."""
        if self.function is not None:
            return self.function
        found = getattr(import_module(f"{__package__}.{self.name}"), f"extract_{self.name}")
        return cast("Callable[..., FeatureVector]", found)

    def complain(self, options: FeatureSpec) -> str:
        """Say what the kind itself finds wrong with its options; empty when nothing is."""
        if self.function is not None:
            return _fit_settings(self.settings, options.options)
        rule: Callable[[FeatureSpec], str] | None = getattr(
            import_module(f"{__package__}.{self.name}"), f"check_{self.name}", None
        )
        return rule(options) if rule else ""


def _fit_settings(model: type[BaseModel] | None, given: Mapping[str, Any]) -> str:
    """Say what of an ``options`` table doesn't fit its model; empty when all does."""
    if model is None:
        return ""
    from pydantic import ValidationError

    try:
        model.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(["options", *map(str, first["loc"])])
        known = ", ".join(model.model_fields)
        return f"{place}: {first['msg']} (found {first['input']!r}; options it takes: {known})"
    return ""
