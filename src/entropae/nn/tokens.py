"""The tokens that every vocabulary begins with."""

SPECIAL = ("[PAD]", "[BOS]", "[EOS]", "[UNK]")
PAD, BOS, EOS, UNK = range(4)
