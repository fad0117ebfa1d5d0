"""SHA256SUMS: the hash of every file of a dataset but itself, as `sha256sum -c` of GNU coreutils reads it.

A line a file: 64 hex digits, two spaces, the name seen from the folder of the dataset. A name with a backslash or an
end of line in it is escaped, and its line begins with a backslash.
"""

import re
from pathlib import PurePosixPath

CHECKSUMS = "SHA256SUMS"
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}
_PLAIN = {escape: character for character, escape in _ESCAPES.items()}
_LINE = re.compile(r"(\\?)([0-9a-f]{64})  ([^\n\r\0]+)\n")


def checksum_line(digest: str, name: str) -> str:
    """The line of a file with this SHA-256 in hex; `name` has slashes between its parts."""
    escaped = "".join(_ESCAPES.get(character, character) for character in name)
    return f"{'' if escaped == name else chr(92)}{digest}  {escaped}\n"


def read_checksum_line(line: bytes) -> tuple[str, str]:
    """The hash and the name that a line gives, with its end of line.

    Raises ValueError for anything that `checksum_line` does not write.
    """
    found = _LINE.fullmatch(line.decode("utf-8"))
    if found is None:
        raise ValueError("not 64 hex digits, two spaces and a name")
    escaped, digest, name = found.groups()
    plain = re.sub(r"\\.", lambda pair: _PLAIN.get(pair[0], ""), name) if escaped else name
    if checksum_line(digest, plain) != found[0] or str(PurePosixPath(plain)) != plain:
        raise ValueError("a name that is not written as names of a dataset are")
    return digest, plain
