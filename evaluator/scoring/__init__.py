"""What scorers share: their contract, blocks of items, words and phrases in captions, head files."""
