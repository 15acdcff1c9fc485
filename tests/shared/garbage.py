"""Strategies for what files hold that nobody meant: values, cells, bytes."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

NAN, INF = float("nan"), float("inf")

# Byte-order marks, NUL and other controls, right-to-left, a character beyond 16 bits, a combining one, line ends.
ODD_TEXTS = st.sampled_from(
    ["", " ", "\0", "\x1b[31m", "\x7f", "\ufeff", "\u202e", "\u2028", "\x85", "🧠", "e\u0301", "漢", "\r", "\n", "\t",
     '"', "'", "\\", "../../x", "/etc/passwd", "n/a", "NaN", "inf", "1e999", "-0", "007", "1_000", "١٢", "½", "sub-",
     "{x}", "{participant}", "<script>", "true", "null", "=1+1", "__class__", "a" * 300, "$(id)", "%s%n"]
)  # fmt: skip
TEXTS = st.one_of(ODD_TEXTS, st.text(max_size=12), st.text("ab-_ .:/", max_size=8))
NUMBERS = st.one_of(
    st.sampled_from([0, -1, 1, 2, 10**4, 10**9, 2**31, 2**63, 2**64, 10**400, -(10**400)]),
    st.sampled_from([0.0, -0.0, 0.5, 1e-320, 5e-324, 1e308, NAN, INF, -INF]),
    st.integers(),
    st.floats(),
)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS


def values(keys: st.SearchStrategy[str] = TEXTS) -> st.SearchStrategy[Any]:
    """Any JSON value."""
    return st.recursive(
        SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=6
    )


def nested(depth: int, value: Any = 1, *, key: str | None = None) -> Any:
    """A value inside ``depth`` lists, or objects with one key."""
    for _ in range(depth):
        value = [value] if key is None else {key: value}
    return value


@st.composite
def damaged_bytes(draw: Callable[..., Any], content: st.SearchStrategy[bytes]) -> bytes:
    """Content cut off, with bytes put in, taken out, changed or repeated, or in another encoding."""
    found = bytearray(draw(content))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(found)))
        kind = draw(st.sampled_from(["cut", "put", "drop", "change", "repeat", "mark", "utf-16", "crlf", "odd"]))
        if kind == "cut":
            del found[at:]
        elif kind == "put":
            found[at:at] = draw(st.binary(max_size=6))
        elif kind == "odd":
            found[at:at] = draw(ODD_TEXTS).encode()
        elif kind == "drop":
            del found[at : at + draw(st.integers(1, 9))]
        elif kind == "change" and at < len(found):
            found[at] = draw(st.integers(0, 255))
        elif kind == "repeat":
            found[at:at] = found[max(0, at - draw(st.integers(1, 40))) : at]
        elif kind == "mark":
            found[0:0] = draw(st.sampled_from([b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\0", b"\x1f\x8b"]))
        elif kind == "utf-16":
            found = bytearray(bytes(found).decode("utf-8", "replace").encode("utf-16"))
        elif kind == "crlf":
            found = bytearray(bytes(found).replace(b"\n", draw(st.sampled_from([b"\r\n", b"\r", b"\n\n", b"\r\r\n"]))))
    return bytes(found)
