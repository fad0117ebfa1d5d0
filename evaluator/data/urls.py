"""Files at URLs, read from their first byte to their last: http(s) by Python itself, every other kind by fsspec."""

import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

from fourfold.errors import InputError

_SECONDS = 30.0  # without a byte, after which a server counts as gone


def is_absent(error: InputError) -> bool:
    """Whether `open_url` raised this because nothing is at the URL, and not because nobody could look."""
    cause = error.__cause__
    return isinstance(cause, FileNotFoundError) or (isinstance(cause, urllib.error.HTTPError) and cause.code == 404)


@contextmanager
def open_url(url: str) -> Iterator[IO[bytes]]:
    """The bytes of a URL, in order; what comes short of the length that a server promised is an error, not an end.

    Raises InputError for what is not there, cannot be reached or is broken off, here and while it is read, and for a
    store whose package is not installed; the cause of the error tells them apart.
    """
    try:
        if url.startswith(("http://", "https://")):
            request = urllib.request.Request(url, headers={"User-Agent": "fourfold"})
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
                yield cast(IO[bytes], _Whole(answer))
        else:
            import fsspec  # slow to import for those who read folders

            with fsspec.open(url, "rb") as file:
                yield file
    except (InputError, AssertionError, AttributeError, NameError):  # said already, and our own mistakes
        raise
    except ImportError as error:  # as fsspec says it: "Install s3fs to access S3"
        package = re.search(r"\binstall (\w+) to access", str(error), re.IGNORECASE)
        hint = f"; pip install {package[1]}" if package else ""
        raise InputError(f"{url}: cannot be read without a package that is not installed ({error}){hint}") from error
    except Exception as error:  # every store's library has errors of its own, for a missing login above all
        said = " ".join(str(error).split())
        raise InputError(f"{url}: cannot be read ({type(error).__name__}: {said})") from error


class _Whole:
    """An answer over http, whose end is held against the length that the server told."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        told = answer.headers.get("Content-Length", "")
        self._left = int(told) if told.isdecimal() else None

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes, all for a negative one; none at the end."""
        data: bytes = self._answer.read(size) if size >= 0 else self._answer.read()
        if self._left is not None:
            self._left -= len(data)
            if self._left > 0 and size != 0 and (size < 0 or not data):
                raise http.client.IncompleteRead(b"", self._left)
        return data
