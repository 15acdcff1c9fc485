"""Transform files that say nothing of when and where they were written.

ITK writes composite transforms as HDF5: every object header there holds four times, and two attributes name the
operating system. Two runs of the same thing would differ in those bytes alone, so they are set to zero in place and
the header's checksum is made anew.
"""

import struct

_SIGNATURE = b"OHDR\x02"
_TIMES_STORED = 0x20
_PHASE_STORED = 0x10
_CHECKSUM_BYTES = 4


def without_times(content: bytes) -> bytes:
    """Set the times in the object headers of an HDF5 file to 0; everything else stays as it is.

    HDF5 File Format Specification 3.0, IV.A.1.b, "Version 2 Data Object Header Prefix".
    """
    mended = bytearray(content)
    start = content.find(_SIGNATURE)
    while start >= 0:
        end = _header_end(content, start)
        # Voxels may spell the signature by chance; only a header has its own checksum behind it.
        if end is not None and content[end : end + _CHECKSUM_BYTES] == _pack(lookup3(content[start:end])):
            mended[start + 6 : start + 22] = bytes(16)
            mended[end : end + _CHECKSUM_BYTES] = _pack(lookup3(bytes(mended[start:end])))
        start = content.find(_SIGNATURE, start + 1)
    return bytes(mended)


def _header_end(content: bytes, start: int) -> int | None:
    """Where the checksum of an object header with times begins; ``None`` for one without, or cut off."""
    flags = content[start + 5] if len(content) > start + 5 else 0
    if not flags & _TIMES_STORED:
        return None
    place = start + 22 + (4 if flags & _PHASE_STORED else 0)
    width = 1 << (flags & 0b11)
    size = int.from_bytes(content[place : place + width], "little")
    end = place + width + size
    return end if end + _CHECKSUM_BYTES <= len(content) else None


def _pack(number: int) -> bytes:
    return struct.pack("<I", number)


def lookup3(content: bytes) -> int:
    """Bob Jenkins' ``lookup3`` hash (hashlittle with 0; burtleburtle.net/bob/c/lookup3.c): HDF5's checksum."""
    a = b = c = (0xDEADBEEF + len(content)) & 0xFFFFFFFF
    whole = max(0, (len(content) - 1) // 12)
    for block in range(whole):
        x, y, z = struct.unpack_from("<III", content, 12 * block)
        a, b, c = _mix((a + x) & 0xFFFFFFFF, (b + y) & 0xFFFFFFFF, (c + z) & 0xFFFFFFFF)
    if not content:
        return c
    x, y, z = struct.unpack("<III", content[12 * whole :].ljust(12, b"\0"))
    return _finish((a + x) & 0xFFFFFFFF, (b + y) & 0xFFFFFFFF, (c + z) & 0xFFFFFFFF)


def _turn(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (32 - bits))) & 0xFFFFFFFF


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    for bits in (4, 6, 8, 16, 19, 4):
        a = ((a - c) & 0xFFFFFFFF) ^ _turn(c, bits)
        c = (c + b) & 0xFFFFFFFF
        a, b, c = b, c, a
    return a, b, c


def _finish(a: int, b: int, c: int) -> int:
    for bits in (14, 11, 25, 16, 4, 14, 24):
        c = ((c ^ b) - _turn(b, bits)) & 0xFFFFFFFF
        a, b, c = b, c, a
    return b
