"""Free text as counts of hashed tokens: what a person wrote is not copied, and nothing is fitted over people."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bidsml.records import FeatureVector, ScanData
from bidsml.spec import FeatureSpec

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import HashingVectorizer

N_BUCKETS = 4096
"""Numbers that tokens are hashed to. Two of a few thousand different words may share one."""
_CHARACTERS = 4


def extract_text(data: ScanData, *, block: str, options: FeatureSpec) -> FeatureVector:
    """Take one participant's counts of hashed tokens as features.

    Free text may tell more of a person than anybody means to share. Therefore no derivative holds it, nor its words:
    the text is read, hashed (MurmurHash3; Weinberger 2009, doi 10.1145/1553374.1553516) and forgotten, and only the
    counts are kept, of 4096 numbers without a list of what they stand for. That is no encryption: who knows a word
    can look whether its number was counted. Counts need nobody else; how rare tokens are (IDF) and what goes
    together (SVD) is fitted in the folds, by :class:`bidsml.learn.topics.TokenTopics`.
    """
    values = np.array(list(data.table.values()), dtype=np.float64)
    return FeatureVector(
        block=block,
        kind=options.kind,
        measure=options.measure or "words",
        names=tuple(data.table),
        values=values,
        missing=data.missing,
    )


def count_tokens(texts: Sequence[str | None], options: FeatureSpec) -> dict[str, float]:
    """Count hashed tokens of one participant's texts, all columns together, by the number of the token.

    Words are runs of letters and digits, in lower case, with accents as they are; ``ngram`` is the longest run of
    words. With ``measure = "characters"`` tokens are runs of two to ``ngram`` characters within words, which suits
    misspellings and languages that write no spaces.

    Returns
    -------
    dict
        Counts by ``token-0000`` … ``token-4095``; all NaN where every text is missing, all 0 where none has a token.
    """
    names = [f"token-{number:04d}" for number in range(N_BUCKETS)]
    known = [text for text in texts if text is not None]
    if not known:
        return dict.fromkeys(names, float("nan"))
    counts = np.asarray(_vectorizer(options).transform(known).sum(axis=0)).ravel()
    return dict(zip(names, counts.tolist(), strict=True))


def _vectorizer(options: FeatureSpec) -> "HashingVectorizer":
    from sklearn.feature_extraction.text import HashingVectorizer

    shared = {"n_features": N_BUCKETS, "norm": None, "alternate_sign": False, "lowercase": True}
    if options.measure == "characters":
        return HashingVectorizer(analyzer="char_wb", ngram_range=(2, max(2, options.ngram or _CHARACTERS)), **shared)
    # Words of one letter count too: in some languages they are words.
    return HashingVectorizer(token_pattern=r"(?u)\b\w+\b", ngram_range=(1, options.ngram or 1), **shared)


def check_text(options: FeatureSpec) -> str:
    """Say what is wrong with the options: text needs its columns by name, each once."""
    if not options.columns:
        return "kind 'text' needs columns: the names of the columns of text"
    twice = [name for name, count in Counter(options.columns).items() if count > 1]
    if twice:
        return f"columns names {twice[0]!r} twice"
    if "{participant}" in (options.file or ""):
        return "kind 'text' needs a table with a row per participant"
    return ""
