"""The tokens that every vocabulary begins with."""

SPECIAL = ("[PAD]", "[BOS]", "[EOS]", "[UNK]")
PAD, BOS, EOS, UNK = range(4)
# Tokens of a sentence at most, whatever its file says: a decoder may go on until then.
MOST_TOKENS = 1 << 14
