"""What all sections of an analysis share."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

# A name becomes part of file names: BIDS labels plus hyphen.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*$", max_length=60)]
Text = Annotated[str, StringConstraints(min_length=1)]


class Section(BaseModel):
    """A frozen part of an analysis that takes no unknown key and turns no type into another."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def column_name(reference: str) -> str:
    """Column that a reference such as ``phenotype/asrs.tsv:total`` names: ``total``.

    A reference without a file part (no ``/`` and no ``.`` before the colon) is the column's name itself.
    """
    file, separator, column = reference.rpartition(":")
    return column if separator and ("/" in file or "." in file) else reference
