"""What each text token spells, in one convention for every tokenizer: a word's last piece ends in "</w>".

Tokenizers mark words in four ways: CLIP's byte pairs end a word with "</w>", byte-level ones start it with "Ġ",
SentencePiece starts it with "▁", WordPiece continues it with "##". Both byte-level kinds write each byte of UTF-8
as one printable character.
"""

from collections.abc import Iterable, Sequence

END = "</w>"


def marker_of(vocabulary: Iterable[str]) -> str:
    """The way a tokenizer marks words ("</w>", "Ġ", "▁" or "##"), found by counting its vocabulary."""
    counts = dict.fromkeys((END, "Ġ", "▁", "##"), 0)
    for token in vocabulary:
        counts[END] += token.endswith(END)
        for prefix in ("Ġ", "▁", "##"):
            counts[prefix] += token.startswith(prefix)
    return max(counts, key=lambda marker: counts[marker])


def spell(tokens: Sequence[str], marker: str) -> list[str]:
    """The token_strings of one caption from its tokens, special tokens and padding left out.

    A word ends where the tokenizer says so, and between a letter or digit and anything else, as in CLIP's own:
    "cube," is the two words "cube" and ",".
    """
    spelled = [_text_of(token, marker) for token in tokens]
    if marker == END:
        ends = [token.endswith(END) for token in tokens]
    else:
        starts = [_starts_word(token, marker) for token in tokens]
        ends = [
            after >= len(tokens) or starts[after] or _changes_kind(spelled[after - 1], spelled[after])
            for after in range(1, len(tokens) + 1)
        ]
    return [text + END if end else text for text, end in zip(spelled, ends, strict=True)]


def _starts_word(token: str, marker: str) -> bool:
    return not token.startswith("##") if marker == "##" else token.startswith(marker)


def _text_of(token: str, marker: str) -> str:
    if marker == END:
        return _from_bytes(token.removesuffix(END))
    if marker == "Ġ":
        return _from_bytes(token.removeprefix("Ġ"))
    return token.removeprefix(marker)


def _changes_kind(left: str, right: str) -> bool:
    return bool(left and right) and left[-1].isalnum() != right[0].isalnum()


def _byte_alphabet() -> dict[str, int]:
    # Printable Latin-1 stands for itself; the other bytes take the code points from 256 on, in order.
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + i): byte for i, byte in enumerate(others)}


_BYTE_OF = _byte_alphabet()


def _from_bytes(token: str) -> str:
    # A character may be cut between two tokens; its halves are then shown as the replacement character.
    if not all(char in _BYTE_OF for char in token):
        return token
    return bytes(_BYTE_OF[char] for char in token).decode("utf-8", errors="replace")
