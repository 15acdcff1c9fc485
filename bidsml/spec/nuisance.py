"""The ``[nuisance]`` section of an analysis."""

from typing import Literal

from pydantic import Field, model_validator

from bidsml.spec.section import Section


class NuisanceSpec(Section):
    """What is not of interest but might explain the label."""

    columns: tuple[str, ...] = Field((), description="Columns of the nuisance-only model. Default: those in regress.")
    regress: tuple[str, ...] = Field((), description="Columns regressed out of every feature, fitted on training rows.")
    harmonize: Literal["none", "combat"] = Field(
        "none",
        description="combat: take the mean and variance of each cohort.site out of every feature, fitted on "
        "training rows, before anything is regressed out.",
    )
    preserve: tuple[str, ...] = Field(
        (),
        description="Columns whose effect ComBat keeps, e.g. age. They join the nuisance-only model if named in "
        "columns too.",
    )
    unseen_site: Literal["pooled", "error"] = Field(
        "pooled",
        description="ComBat of test rows whose site is not in training. pooled: the grand mean and pooled variance, "
        "that is they stay as they are; error: no split may need that, and leave-site-out is not run.",
    )
    categories: tuple[str, ...] = Field(
        (), description="Columns above that are categories although spelt as numbers, e.g. a scanner's serial number."
    )
    allow_nonlinear: bool = Field(
        False,
        description="Regress columns out before a non-linear estimator in spite of what it may leak; the report warns.",
    )

    @model_validator(mode="after")
    def _keys_go_together(self) -> "NuisanceSpec":
        for key in ("preserve", "unseen_site"):
            if self.harmonize == "none" and getattr(self, key) != type(self).model_fields[key].default:
                raise ValueError(f"{key} has no meaning when harmonize is 'none'")
        for column in self.categories:
            if column not in (*self.baseline, *self.preserve):
                raise ValueError(f"categories names {column!r}, which is in none of columns, regress and preserve")
        return self

    @property
    def baseline(self) -> tuple[str, ...]:
        """Columns of the nuisance-only model: ``columns``, then what else is regressed."""
        return tuple(dict.fromkeys((*self.columns, *self.regress)))
