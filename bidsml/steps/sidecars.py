"""Where features are published, and what their sidecars say of how they were made."""

from bidsml.extension import FEATURES, used_plugins
from bidsml.features import CATALOG
from bidsml.records import FeatureVector


def describe_vector(vector: FeatureVector) -> dict[str, object]:
    """Give the kind, measure and unit of a block of features, and its origin."""
    kind = CATALOG[vector.kind]
    units = dict(zip(kind.measures, kind.units, strict=False))
    named = {"Kind": vector.kind, "Measure": vector.measure, "Block": vector.block}
    return {**named, "Units": units.get(vector.measure, "n/a"), **describe_origin(vector)}


def describe_origin(vector: FeatureVector) -> dict[str, object]:
    """Give a kind's settings, and the package that offers it where that isn't bidsml."""
    packages = used_plugins({FEATURES: {vector.kind}})
    made_by = {"MadeBy": [{"Name": one.package, "Version": one.version} for one in packages]} if packages else {}
    return made_by | ({"Settings": dict(vector.settings)} if vector.settings else {})


def datatype_of(vector: FeatureVector) -> str | None:
    """Folder of a participant's features; none for what comes from tables of all people."""
    kind = CATALOG[vector.kind]
    own = vector.settings.get("datatype", kind.datatype)
    if own or not (vector.atlas or vector.nodes):
        return own or None
    return "anat" if kind.needs & {"density", "volumes"} else "func"
