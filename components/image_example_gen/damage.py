"""Tells damaged JPEGs. Decoders show them as far as they go and only warn, so the served model cannot refuse them."""

import re

import simplejpeg

# Warnings of libjpeg about the data of the picture. Bytes between segments of the header are none: a segment may say that it is
# shorter than it is. Those before a table of codes, a scan or the end are, because that is where a damaged scan ends.
DAMAGE = re.compile(
    r"Premature end|Inconsistent progression"
    r"|Corrupt JPEG data: (?!bad ICC|\d+ extraneous bytes before marker 0x(?:c[0-3]|d[bd]|e.|fe))"
)


def is_damaged(jpeg: bytes) -> bool:
    """Returns whether the data of a JPEG is incomplete or wrong, although a picture can be made of it."""
    try:
        simplejpeg.decode_jpeg(jpeg, strict=True)
    except ValueError as error:  # also for what is no damage, such as colours that it does not convert
        return bool(DAMAGE.match(str(error)))
    return False
