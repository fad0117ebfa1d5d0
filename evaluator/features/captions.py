"""Captions named by what they say and made ready for the model by a thread, ahead of the encoder."""

import hashlib
import sys
from collections.abc import Container, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from fourfold.evaluator.encoders.contract import Encoder, TokenizingEncoder
from fourfold.evaluator.encoders.tokenization import Tokens

TEXTS_AT_ONCE = 1024
_TURN = 1e-4  # seconds that a thread keeps the interpreter lock if another wants it

Captions = dict[str, str]  # by content name


@contextmanager
def tokenizing(
    encoder: Encoder, texts: Sequence[str], stored: Container[str]
) -> Iterator[Iterator[tuple[Captions, list[str], Tokens | None]]]:
    """Chunks of captions, from here on made ready by a thread: all of them, those that are not stored, their tokens.

    Tokens are None where the encoder makes none by themselves, or where all captions of a chunk are stored.
    """
    chunks = [texts[start : start + TEXTS_AT_ONCE] for start in range(0, len(texts), TEXTS_AT_ONCE)]

    def make_ready(chunk: Sequence[str]) -> tuple[Captions, list[str], Tokens | None]:
        named = {_text_hash(text): text for text in chunk}
        missing = [key for key in named if key not in stored]
        if not missing or not isinstance(encoder, TokenizingEncoder):
            return named, missing, None
        return named, missing, encoder.prepare_texts([named[key] for key in missing])

    with _short_turns(), ThreadPoolExecutor(1) as pool:
        futures = [pool.submit(make_ready, chunk) for chunk in chunks]
        try:
            yield (future.result() for future in futures)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _short_turns() -> Iterator[None]:
    """Tokenizers are Python and hold the interpreter lock; the encoder's thread, which gives it up with every operation
    that it asks a GPU for, would wait the usual five milliseconds for it each time.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(_TURN)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _text_hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
