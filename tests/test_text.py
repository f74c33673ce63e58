"""Text: tokenizers, files, networks, decoding and figures."""

from __future__ import annotations

import gzip
import itertools
import json
import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import entropae as ea
from entropae import kinds
from entropae.cli import main
from entropae.kinds.samples import Samples
from entropae.kinds.text import Text, lines, tokenizer
from entropae.kinds.text.evaluation import draw, evaluate_text
from entropae.kinds.text.language_model import language_model, no_code
from entropae.kinds.text.lines import buckets, encode_lines, read_lines
from entropae.kinds.text.posterior import posterior
from entropae.kinds.text.scores import active_units, round_trip_information, score, used_units
from entropae.kinds.text.start import PRIOR, SHRINK, start_from_counts
from entropae.kinds.text.tokenizer import FILE, Tokenizer, normalize
from entropae.latent import Entropic, Matching, Plain, Variational
from entropae.messages import printable
from entropae.metrics.sentences import bleu
from entropae.nn import text_pair
from entropae.nn.decoding import DECODINGS, beam, greedy, log_probability, nucleus, sampling
from entropae.nn.lstm import LSTMDecoder, LSTMEncoder
from entropae.nn.tokens import BOS, EOS, PAD, SPECIAL, UNK
from entropae.nn.transformer import TransformerDecoder, TransformerEncoder
from entropae.recipe import ModelConfig, Recipe
from entropae.runs.settling import said_of, settled
from entropae.training.budget import Plan

WHO, DOES, WHERE = ("the cat", "a dog", "my friend"), ("sees", "finds", "eats"), ("here", "now", "")
CORPUS = [" ".join(f"{a} {b} {c} {d}".split()) + "." for a in WHO for b in DOES
          for c in WHO for d in WHERE]  # fmt: skip
POEMS = ["春眠不覺曉，處處聞啼鳥", "夜來風雨聲，花落知多少", "白日依山盡，黃河入海流"]
V, D, LENGTH = 12, 3, 9
DECODERS = {"lstm": LSTMDecoder, "transformer": TransformerDecoder}
ENCODERS = {"lstm": LSTMEncoder, "transformer": TransformerEncoder}


@pytest.fixture(params=DECODERS)
def decoder(request):
    torch.manual_seed(1)
    return DECODERS[request.param](V, D, length=LENGTH, hidden=8).eval()


@pytest.fixture
def rows():
    return torch.tensor(
        [[5, 6, 7, 8, 9, 4, 5, EOS], [4, 5, EOS, *[PAD] * 5], [11, 4, 4, 7, EOS, PAD, PAD, PAD]]
    )


@pytest.fixture(scope="module")
def samples():
    known = Tokenizer.train(CORPUS, "word", vocabulary=100)
    return Samples(encode_lines(CORPUS, known, length=16)[0], Text(known, length=16), "tokens")


# Tokenizers


@given(st.text(max_size=40))
@settings(max_examples=60, deadline=None)
def test_byte_pairs_bring_every_text_back(text):
    known = BYTES
    text = normalize(text)
    assert known.decode(known.encode([text])) == [text]


BYTES = Tokenizer.train([*CORPUS, *POEMS], "bpe", vocabulary=300)


@pytest.mark.parametrize("kind", ["bpe", "word", "character"])
@pytest.mark.parametrize("corpus", [CORPUS, POEMS, ['"Go," he said: "(now) or never!"', "(e.g.)"]])
def test_what_it_was_trained_on_comes_back(kind, corpus):
    known = Tokenizer.train(corpus, kind, vocabulary=400)
    numbers = known.encode(corpus)
    assert all(min(row) > 0 and max(row) < len(known) and UNK not in row for row in numbers)
    assert known.decode(numbers) == corpus


def test_chinese_is_one_token_a_character():
    known = Tokenizer.train(POEMS, "character", vocabulary=100)
    assert [len(row) for row in known.encode(POEMS)] == [len(poem) for poem in POEMS]


def test_the_rest_of_a_vocabulary_is_unknown():
    known = Tokenizer.train(["a a a b"], "word", vocabulary=5)
    assert known.encode(["a b a"])[0].count(UNK) == 1
    assert known.decode(known.encode(["a b a"])) == ["a \ufffd a"]


def test_names_of_special_tokens_in_a_text_are_text():
    for kind in ("bpe", "word", "character"):
        known = Tokenizer.train(["so [EOS] [PAD] [BOS] goes"], kind, vocabulary=400)
        row = known.encode(["so [EOS] [PAD] goes"])
        assert not {EOS, PAD, BOS, UNK} & set(row[0])
        assert known.decode(row) == ["so [EOS] [PAD] goes"]


def test_a_sentence_ends_at_its_end():
    row = [*BYTES.encode(["a cat"])[0], EOS, *BYTES.encode([" more"])[0], PAD]
    assert BYTES.decode([row]) == ["a cat"]
    assert BYTES.decode([[EOS], []]) == ["", ""]


@pytest.mark.parametrize("kind", ["bpe", "word", "character"])
def test_a_saved_tokenizer_is_the_same(tmp_path, kind):
    known = Tokenizer.train([*CORPUS, *POEMS], kind, vocabulary=300)
    known.save(tmp_path)
    again = Tokenizer.load(tmp_path)
    assert (again.kind, again.tokens, again.merges) == (known.kind, known.tokens, known.merges)
    assert again.encode(CORPUS) == known.encode(CORPUS)


GOOD = {"format": 1, "kind": "word", "tokens": [*SPECIAL, "a", "b", "ab"], "merges": []}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "format"),
        ({"kind": "unigram"}, "Unknown tokenizer 'unigram'"),
        ({"kind": ["bpe"]}, "cannot be read"),
        ({"tokens": "abc"}, "texts"),
        ({"tokens": [*SPECIAL, 3]}, "texts"),
        ({"tokens": [*SPECIAL, "a", "a"]}, "distinct"),
        ({"tokens": ["a", *SPECIAL]}, "begin with"),
        ({"tokens": list(SPECIAL)}, "have others"),
        ({"kind": "bpe", "merges": [["a", "c"]]}, "known tokens"),
        ({"kind": "bpe", "merges": [["a", "b", "ab"]]}, "known tokens"),
        ({"kind": "bpe", "merges": 3}, "cannot be read"),
        ({"merges": [["a", "b"]]}, "Only a tokenizer of kind 'bpe'"),
        ({"pre_tokenizer": {"type": "Split"}}, "must have"),
    ],
)
def test_a_strangers_tokenizer_is_checked(tmp_path, change, message):
    (tmp_path / FILE).write_text(json.dumps(GOOD | change))
    with pytest.raises(ValueError, match=message):
        Tokenizer.load(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "null", "[" * 100_000, "{}", "\x00"])
def test_what_is_no_tokenizer_is_refused(tmp_path, content):
    (tmp_path / FILE).write_text(content)
    with pytest.raises(ValueError, match=FILE):
        Tokenizer.load(tmp_path)


def test_a_huge_tokenizer_is_not_read(tmp_path, monkeypatch):
    BYTES.save(tmp_path)
    monkeypatch.setattr(tokenizer, "LARGEST", 100)
    with pytest.raises(ValueError, match="more than 100 bytes"):
        Tokenizer.load(tmp_path)


def test_a_vocabulary_too_small_is_refused():
    with pytest.raises(ValueError, match="at least 260: got 100"):
        Tokenizer.train(CORPUS, "bpe", vocabulary=100)


# Files


@pytest.mark.parametrize("name", ["x.txt", "x.txt.gz"])
def test_lines_of_a_file(tmp_path, name):
    content = "\ufeffone  two\r\n\n \t \n山 水\nlast".encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    assert read_lines(tmp_path / name)[:3] == (["one two", "山 水", "last"], 2, 0)


def test_files_that_are_no_text_are_refused(tmp_path, monkeypatch):
    (tmp_path / "x.txt").write_bytes(b"good\n\xff\0\xfe bad\n")
    with pytest.raises(ValueError, match=r"x\.txt cannot be read: it is no text"):
        read_lines(tmp_path / "x.txt")
    (tmp_path / "x.txt.gz").write_bytes(gzip.compress(b"word " * 1000)[:-9])
    with pytest.raises(ValueError, match=r"x\.txt\.gz cannot be read"):
        read_lines(tmp_path / "x.txt.gz")
    (tmp_path / "x.txt.gz").write_bytes(gzip.compress(b"word\n" * 1000))
    monkeypatch.setattr(lines, "UNPACKED", 1000)
    monkeypatch.setattr(lines, "RATIO", 1)
    with pytest.raises(ValueError, match="unpacks to more than 1000 bytes"):
        read_lines(tmp_path / "x.txt.gz")
    monkeypatch.setattr(lines, "LONGEST", 10)
    (tmp_path / "x.txt").write_bytes(b"x" * 100)
    with pytest.raises(ValueError, match="line of more than 10"):
        read_lines(tmp_path / "x.txt")


def test_what_is_left_out_is_counted(tmp_path):
    known = Tokenizer("character", [*SPECIAL, "a", "b"])
    found, counts = encode_lines(["ab", "", "abab", "bc", "   "], known, length=4)
    assert found.tolist() == [[4, 5, EOS, PAD], [5, UNK, EOS, PAD]]
    assert counts == (lines.Counts(sentences=2, empty=2, overlong=1, tokens=4, unknown=1, length=4))
    (tmp_path / "x.txt").write_text("ab\n\nabab\nbc\n")
    with pytest.warns(UserWarning, match=r"2 of 4 lines kept: 1 empty .* 1 of 4 tokens unknown"):
        loaded = kinds.as_samples(tmp_path / "x.txt", kind=Text(known, length=4))
    assert loaded.skipped == ("1 empty lines", "1 overlong lines", "1 of 4 tokens unknown")
    with pytest.raises(ValueError, match="At least 1 sentence is needed, of fewer than 2 tokens"):
        kinds.as_samples(tmp_path / "x.txt", kind=Text(known, length=2))


def test_a_batch_is_as_long_as_its_longest(samples):
    assert samples.first(3).dtype == torch.int64
    short = int((samples.array != PAD).sum(1).argmin())
    assert samples[short].shape[0] < samples.shape[0]
    assert (samples[short] != PAD).all()


@given(st.lists(st.integers(1, 30), min_size=1, max_size=60), st.integers(1, 9))
@settings(max_examples=40, deadline=None)
def test_buckets_are_a_partition_by_length(found, batch_size):
    lengths = np.array(found)
    parts = buckets(lengths, batch_size, seed=3)
    assert sorted(itertools.chain.from_iterable(parts)) == list(range(len(lengths)))
    assert all(len(part) <= batch_size for part in parts)
    ends = sorted((lengths[part].min(), lengths[part].max()) for part in parts)
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(ends))


# Networks


def test_the_future_does_not_matter(decoder, rows):
    z = torch.randn(3, D)
    changed = rows.clone()
    changed[0, 5:7] = 10
    before, after = decoder.logits(z, rows), decoder.logits(z, changed)
    assert before.shape == (int((rows != PAD).sum()), V)
    torch.testing.assert_close(before[:6], after[:6])
    assert not torch.allclose(before[6], after[6])
    torch.testing.assert_close(before[8:], after[8:])


def test_nll_is_the_sum_of_log_probabilities_step_by_step(decoder, rows):
    z = torch.randn(3, D)
    token, state = torch.full((3,), BOS), decoder.start(z)
    expected = torch.zeros(3)
    for i in range(rows.shape[1]):
        scores, state = decoder.step(token, state)
        token = rows[:, i]
        logs = scores.log_softmax(1)[range(3), token]
        expected -= torch.where(token == PAD, 0.0, logs)
    torch.testing.assert_close(decoder.nll(z, rows), expected)


def test_a_uniform_decoder_has_the_nll_of_a_die(decoder, rows):
    torch.nn.init.zeros_(decoder.last.weight)
    torch.nn.init.zeros_(decoder.last.bias)
    nll = decoder.nll(torch.randn(3, D), rows)
    torch.testing.assert_close(nll, math.log(V) * torch.tensor([8.0, 3, 5]))


@pytest.mark.parametrize("name", ENCODERS)
def test_padding_makes_no_difference(name, rows):
    encoder = ENCODERS[name](V, D, hidden=8).eval()
    decoder = DECODERS[name](V, D, length=LENGTH, hidden=8).eval()
    together = encoder(rows)
    assert together.shape == (3, D)
    made, nll = decoder(together), decoder.nll(together, rows)
    wider = torch.nn.functional.pad(rows, (0, 1), value=PAD)
    torch.testing.assert_close(encoder(wider), together)
    torch.testing.assert_close(decoder.nll(together, wider), nll)
    for i, row in enumerate(rows):
        alone = encoder(row[row != PAD][None])
        torch.testing.assert_close(alone[0], together[i])
        torch.testing.assert_close(decoder.nll(alone, row[row != PAD][None])[0], nll[i])
        assert torch.equal(decoder(alone)[0], made[i])


def test_sentences_that_are_made_end_and_have_no_special_tokens(decoder):
    z = torch.randn(20, D)
    for decode in (greedy, sampling, nucleus, beam):
        made = decode(decoder, z)
        assert made.shape == (20, LENGTH)
        assert not torch.isin(made, torch.tensor([BOS, UNK])).any()
        for row in made:
            end = row.tolist().index(EOS)
            assert (row[end + 1 :] == PAD).all()
            assert (row[:end] != PAD).all()


def test_a_beam_is_never_less_likely_than_greedy(decoder):
    z = 3 * torch.randn(30, D)
    best = log_probability(decoder, z, greedy(decoder, z))
    for width in (1, 3):
        assert (log_probability(decoder, z, beam(decoder, z, width=width)) >= best - 1e-5).all()
    assert torch.equal(beam(decoder, z, width=1), greedy(decoder, z))


@pytest.mark.parametrize("name", DECODERS)
def test_a_wide_beam_finds_the_most_likely_sentence_of_all(name):
    torch.manual_seed(2)
    small = DECODERS[name](6, 2, length=4, hidden=4).eval()
    z = 4 * torch.randn(5, 2)
    every = torch.tensor(
        [
            [*words, EOS, *[PAD] * (3 - n)]
            for n in range(4)
            for words in itertools.product((4, 5), repeat=n)
        ]
    )
    logs = torch.stack([log_probability(small, code.expand(len(every), -1), every) for code in z])
    torch.testing.assert_close(logs.exp().sum(1), torch.ones(5))
    assert torch.equal(beam(small, z, width=15), every[logs.argmax(1)])


def test_sampling_draws_with_the_probabilities(decoder):
    n = 4000
    z = torch.randn(1, D)
    first = sampling(decoder, z.expand(n, -1))[:, 0]
    scores = decoder.step(torch.tensor([BOS]), decoder.start(z))[0]
    scores[:, [PAD, BOS, UNK]] = -torch.inf
    share = torch.bincount(first, minlength=V) / n
    torch.testing.assert_close(share, scores.softmax(1)[0], atol=0.03, rtol=0)
    cold = sampling(decoder, z, temperature=1e-4)
    assert torch.equal(cold, greedy(decoder, z))


def test_a_nucleus_is_the_fewest_tokens_with_enough_probability(decoder):
    """By hand, of one step: probabilities 0.5, 0.3, 0.15, 0.05 of tokens 4 to 7."""
    with torch.no_grad():
        decoder.last.weight.zero_()
        decoder.last.bias.fill_(-torch.inf)
        decoder.last.bias[4:8] = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
    z, n = torch.zeros(1, D), 4000
    for share, expected in (
        (0.4, [1.0, 0, 0, 0]),
        (0.7, [5 / 8, 3 / 8, 0, 0]),
        (0.9, [50 / 95, 30 / 95, 15 / 95, 0]),
        (1.0, [0.5, 0.3, 0.15, 0.05]),
    ):
        made = nucleus(decoder, z.expand(n, -1), temperature=1.0, share=share)[:, 0]
        found = torch.bincount(made, minlength=V)[4:8] / n
        torch.testing.assert_close(found, torch.tensor(expected), atol=0.03, rtol=0)
        assert ((found > 0) == (torch.tensor(expected) > 0)).all()
    assert torch.equal(nucleus(decoder, z, share=1e-6), greedy(decoder, z))
    for options, message in (({"temperature": 0}, "`temperature`"), ({"share": 0}, "`share`")):
        with pytest.raises(ValueError, match=message):
            nucleus(decoder, z, **options)


def test_drawn_sentences_are_drawn_and_others_are_the_most_probable(samples):
    networks = text_pair("lstm", len(samples.kind.tokenizer), 16, D, D, hidden=8)
    model = ea.Autoencoder(*networks, Plain(D)).eval()
    model.kind = samples.kind
    code = torch.zeros(1, D).expand(6, -1)
    assert len(set(samples.kind.present(model.decode(code)))) == 1
    model.decoder.last.weight.data.zero_()
    with samples.kind.drawing(model, seed=0):
        assert len(set(samples.kind.present(model.decode(code)))) > 1
    state = torch.get_rng_state()
    made = model.sample(9, seed=1)
    assert torch.equal(torch.get_rng_state(), state)
    assert model.sample(9, seed=1) == made
    assert model.sample(4, seed=1) == made[:4], "of more sentences, the first ones are the same"
    model.decoder.drawing = greedy
    assert model.sample(4, seed=1) == samples.kind.present(
        model.decode(model.draw_codes(4, model.priors["normal"], torch.Generator().manual_seed(1)))
    )


def test_hidden_words_are_hidden_in_training_only(rows):
    decoder = LSTMDecoder(V, D, length=LENGTH, hidden=8, dropout=0, word_dropout=0.999)
    given_ = decoder.given(rows)
    assert (given_[:, 0] == BOS).all()
    assert set(given_[0, 1:].tolist()) == {UNK}
    assert torch.equal(decoder.eval().given(rows)[:, 1:], rows[:, :-1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": 0}, "`hidden` must be a positive integer: got hidden=0"),
        ({"dropout": 1.0}, r"`dropout` must be in \[0, 1\)"),
        ({"word_dropout": -0.1}, "`word_dropout`"),
        ({"length": True}, "`length`"),
    ],
)
def test_options_of_networks_are_checked(options, message):
    for kind in DECODERS.values():
        with pytest.raises(ValueError, match=message):
            kind(V, D, **options)


def test_a_sentence_longer_than_a_transformer_is_refused():
    with pytest.raises(ValueError, match="at most length=4 tokens: got a batch of 6"):
        TransformerEncoder(V, D, length=4, hidden=8)(torch.full((2, 6), 5))
    with pytest.raises(ValueError, match="multiple of `heads`: got 10 and 4"):
        TransformerEncoder(V, D, hidden=10)


# The start from counts


def begun(rows: torch.Tensor, vocabulary: int, dim: int, hidden: int = 64):
    """A model that starts from the counts of some rows of tokens."""
    known = Tokenizer("word", [*SPECIAL, *map(str, range(vocabulary - len(SPECIAL)))])
    samples = Samples(rows.int().numpy(), Text(known, length=rows.shape[1]), "tokens")
    options = {"hidden": hidden, "linear": True, "dropout": 0.0}
    networks = text_pair("lstm", vocabulary, rows.shape[1], dim, dim, **options)
    return start_from_counts(ea.Autoencoder(*networks, Plain(dim)), samples).eval()


def drawn_rows(n: int, seed: int = 0) -> torch.Tensor:
    rows = torch.randint(4, 20, (n, 8), generator=torch.Generator().manual_seed(seed))
    rows[:, -1] = EOS
    rows[::3, 4:] = torch.tensor([EOS, PAD, PAD, PAD])
    return rows


@torch.no_grad()
def test_without_a_code_it_starts_with_smoothed_frequencies_of_pairs():
    """(C(y, x) + 80 p(x)) / (C(y) + 80), where the embedding has room for all tokens."""
    rows = drawn_rows(400)
    counts, often = torch.zeros(20, 20), torch.full((20,), 0.5)
    for row in rows.tolist():
        before = BOS
        for token in row[: row.index(EOS) + 1]:
            counts[before, token] += 1
            often[token] += 1
            before = token
    p = often / often.sum()
    expected = (counts + PRIOR * p) / (counts.sum(1, keepdim=True) + PRIOR)
    decoder = begun(rows, 20, 3).decoder
    x = rows[1:3]
    found = decoder.logits(torch.zeros(2, 3), x).softmax(1)
    given_ = torch.nn.functional.pad(x[:, :-1], (1, 0), value=BOS).flatten()
    torch.testing.assert_close(found, expected[given_], atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_its_code_is_white_and_tells_what_a_sentence_is_about():
    """Sentences of one of two topics, which share no token but the end."""
    topic = torch.arange(600) % 2
    generator = torch.Generator().manual_seed(0)
    rows = torch.randint(4, 9, (600, 7), generator=generator) + 5 * topic[:, None]
    rows[:, -1] = EOS
    model = begun(rows, 14, 3)
    code = model.encode(rows)
    covariance = code.T @ code / len(code)
    torch.testing.assert_close(covariance, torch.eye(3), atol=0.02, rtol=0)
    torch.testing.assert_close(code[:, 0].abs(), torch.ones(600), atol=0.05, rtol=0)
    first = model.decoder.logits(code, rows).unflatten(0, (600, 7))[:, 0].softmax(1)
    own = first.gather(1, (4 + 5 * topic[:, None]) + torch.arange(5)).sum(1)
    # Each of the topic's five tokens has twice its mean share of 6/70, the others none.
    expected = torch.tensor(2 * (6 / 70) / (6 / 70 + SHRINK)).sigmoid()
    assert abs(own.mean() - expected) < 0.03
    assert (own > 0.8).all()
    assert (model.decoder.nll(code, rows) < model.decoder.nll(code.roll(1, 0), rows)).all()


def test_what_has_no_linear_path_cannot_start_from_counts(samples):
    networks = text_pair("lstm", len(samples.kind.tokenizer), 16, 2, 2, hidden=8)
    with pytest.raises(ValueError, match="LSTMEncoder has no linear path"):
        start_from_counts(ea.Autoencoder(*networks, Plain(2)), samples)


# Training


def test_nats_are_weighed_against_nats(samples):
    latent = Variational(D, 1.0)
    model = ea.Autoencoder(*text_pair("lstm", V, LENGTH, 2 * D, D, hidden=8, dropout=0), latent)
    x = torch.tensor([[5, 6, EOS], [7, EOS, PAD]])
    passed = model(x)
    assert passed.reconstruction is None  # the decoder is asked for a probability instead
    torch.testing.assert_close(passed.error, model.decoder.nll(passed.code, x).mean())
    bound = passed.error + D * passed.penalties["kl"].value
    torch.testing.assert_close(D * passed.loss, bound)  # −ELBO


@pytest.mark.parametrize("network", ["lstm", "transformer"])
@pytest.mark.parametrize(
    "latent",
    [
        Plain(4),
        Entropic(4, correction="none", bank=0),
        Entropic(4, bank=64, noise=(0.5, 0.0)),
        Variational(4, warmup=(0.0, 0.5)),
        Variational(4, batch_norm=0.6),
        Matching(4, 0.1, distance="sigreg", standardize=True),
    ],
    ids=str,
)
def test_every_method_learns_a_few_sentences(samples, network, latent):
    networks = text_pair(
        *(network, len(samples.kind.tokenizer), samples.shape[0], latent.in_features, 4),
        hidden=16,
        dropout=0.0,
    )
    model = ea.Autoencoder(*networks, latent)
    log = ea.fit(model, samples, epochs=8, batch_size=32, learning_rate=1e-2, progress=False)
    assert log[-1]["train/reconstruction"] < 0.9 * log[0]["train/reconstruction"]
    assert all(math.isfinite(value) for value in log[-1].values())
    assert model.reconstruct(samples).shape == samples.array.shape
    assert model.interpolate(samples.first(2), samples.first(2), steps=3).shape == (2, 3, 16)
    assert model.diagnose(samples, progress=False).figures["dimensions"] == 4


def test_paths_between_sentences_are_sentences(samples):
    networks = text_pair("lstm", len(samples.kind.tokenizer), samples.shape[0], 4, 4, hidden=16)
    model = ea.Autoencoder(*networks, Plain(4))
    ea.fit(model, samples, epochs=1, progress=False)
    lines = samples.kind.present(samples.first(4))
    paths = model.interpolate(lines[:2], lines[2:], steps=3)
    assert [[type(one) for one in path] for path in paths] == [[str] * 3] * 2
    ends = [[path[0] for path in paths], [path[-1] for path in paths]]
    assert ends == [model.reconstruct(lines[:2]), model.reconstruct(lines[2:])]


LONG = "one much longer sentence with many more words than all the others"


def test_parts_of_other_lengths_are_examined():
    """The longest sentence of one part is longer than that of the other."""
    lines = [f"cat dog {i % 20}" for i in range(150)]
    samples = kinds.read([*lines, LONG], tokenizer="word")
    networks = text_pair("lstm", len(samples.kind.tokenizer), samples.shape[0], 4, 4, hidden=16)
    model = ea.Autoencoder(*networks, Plain(4))
    ea.fit(model, samples, epochs=1, progress=False)
    for train, others in (([*lines, LONG], lines[:60]), (lines, [*lines[:60], LONG])):
        found = model.diagnose(train, others, progress=False)
        assert found.figures["samples"] == len(train)


def test_labels_of_sentences_that_are_left_out_are_left_out():
    lines = [f"{'cat' if i % 2 else 'dog'} {i % 10}" for i in range(200)]
    samples = kinds.read(lines, tokenizer="word", length=6)
    networks = text_pair("lstm", len(samples.kind.tokenizer), samples.shape[0], 4, 4, hidden=16)
    model = ea.Autoencoder(*networks, Plain(4))
    ea.fit(model, samples, epochs=1, progress=False)
    labels = ["dog", "cat"] * 100
    with pytest.warns(UserWarning, match="200 of 202 lines kept"):
        model.fit_prior(["", *lines, LONG], "mixture", labels=["?", *labels, "?"])
    assert model.classes == ("cat", "dog")
    assert len(model.sample(5, label="cat", seed=0)) == 5


def test_a_saved_model_says_the_same(tmp_path, samples):
    for network in DECODERS:
        networks = text_pair(network, len(samples.kind.tokenizer), 16, 4, 4, hidden=8)
        model = ea.Autoencoder(*networks, Plain(4)).eval()
        model.save(tmp_path / network)
        again = ea.load(tmp_path / network)
        assert torch.equal(again.draw(9, seed=1), model.draw(9, seed=1))
        assert torch.equal(again.reconstruct(samples), model.reconstruct(samples))
        config = json.loads((tmp_path / network / "model.json").read_text())
        config["decoder"]["hidden"] = 1 << 20
        (tmp_path / network / "model.json").write_text(json.dumps(config))
        with pytest.raises(ValueError, match="described as of"):
            ea.load(tmp_path / network)


@pytest.mark.parametrize("noise", [(0.5, 0.0), (0.5, 0.5)])
def test_noise_of_the_code_goes_from_its_first_to_its_last(noise):
    latent = Entropic(2, noise=noise, correction="none", bank=0)
    h = torch.randn(4000, 2)
    clean = latent.norm(h)
    for progress, expected in ((0.0, 0.5), (0.5, (0.5 + noise[1]) / 2), (1.0, noise[1])):
        latent.progress = progress
        found = (latent(h).code - clean).std(0)
        torch.testing.assert_close(found, torch.full((2,), expected), rtol=0.05, atol=1e-6)
    torch.testing.assert_close(latent.eval()(h).code, latent.code(h))


def test_noise_must_not_be_negative():
    with pytest.raises(ValueError, match=r"`noise` must be two numbers >= 0: got noise=\(0, -1\)"):
        Entropic(2, noise=(0, -1))


def test_kl_is_annealed():
    latent = Variational(2, 3.0, warmup=(0.2, 0.6))
    weights = []
    for latent.progress in (0.0, 0.2, 0.4, 0.6, 1.0):
        weights.append(latent(torch.randn(5, 4)).penalties["kl"].weight)
    assert weights == pytest.approx([0, 0, 1.5, 3, 3])


# Figures


def test_reconstruction_figures_by_hand(rows):
    decoder = LSTMDecoder(V, D, length=LENGTH, hidden=8).eval()
    torch.nn.init.zeros_(decoder.last.weight)
    decoder.last.bias.data = torch.arange(V).float() - 1000 * (torch.arange(V) == UNK)
    rows = rows.clone()
    rows[2, 1] = UNK  # is not asked for
    logs = decoder.last.bias.data.log_softmax(0)
    asked = rows[(rows != PAD) & (rows != UNK)]
    found = score(decoder, torch.randn(3, D), rows)
    assert found.nll == pytest.approx((-logs[asked].sum() / 3).item(), rel=1e-5)
    assert found.perplexity == pytest.approx(math.exp((-logs[asked].mean()).item()), rel=1e-5)
    assert found.accuracy == pytest.approx(1 / 15)


def test_a_language_model_learns_the_entropy_of_a_die():
    random = np.random.default_rng(0)
    die = random.integers(4, 10, (600, 3)).astype(np.int32)
    die = np.concatenate([die, np.full((600, 1), EOS, np.int32)], 1)
    model = language_model(die, 10, hidden=8, steps=150, learning_rate=1e-2, dropout=0.0)
    fresh = torch.from_numpy(die[random.permutation(600)][:300]).long()
    # Three throws of six faces and an end that is sure.
    found = score(model, no_code(300), fresh)
    assert found.nll == pytest.approx(3 * math.log(6), rel=0.03)


def test_bleu_of_the_same_and_of_nothing_in_common():
    assert bleu(CORPUS, CORPUS) == pytest.approx(100)
    assert bleu(["x y z v"] * 9, ["a b c d"] * 9) < 1
    assert bleu(POEMS, POEMS, tokenizer="char") == pytest.approx(100)


def test_units_that_vary_and_units_that_matter(rows):
    code = torch.randn(60, D)
    code[:, 2] *= 0.01
    assert active_units(code) == 2
    torch.manual_seed(0)
    decoder = LSTMDecoder(V, D, length=LENGTH, hidden=8).eval()
    decoder.first.weight.data[:, 1:] = 0
    decoder.cells.weight_ih_l0.data[:, -2:] = 0
    decoder.last.weight.data *= 30
    many = greedy(decoder, code)
    assert used_units(decoder, code, many) == 1


def test_round_trip_information_of_normal_pairs():
    rho = torch.tensor([0.0, 0.6, 0.9])
    z, noise = torch.randn(2, 4000, 3)
    again = rho * z + (1 - rho.square()).sqrt() * noise
    expected = float(-0.5 * (1 - rho.square()).log().sum())
    scale = torch.tensor([1.0, 3, 9])  # so that the principal axes are these
    assert round_trip_information(z * scale, again * scale) == pytest.approx(expected, abs=0.08)
    assert round_trip_information(z, torch.zeros_like(z)) == 0
    # What a coordinate repeats counts once.
    both = [torch.cat([part * scale] * 2, 1) for part in (z, again)]
    assert round_trip_information(*both) == pytest.approx(expected, abs=0.08)


def _vae(bias: torch.Tensor) -> ea.Autoencoder:
    """A VAE whose decoder is a die and whose encoder says the same of all sentences."""
    latent = Variational(D)
    model = ea.Autoencoder(
        *text_pair("lstm", V, LENGTH, latent.in_features, D, hidden=8), latent
    ).eval()
    for part in (model.encoder.last, model.decoder.last):
        torch.nn.init.zeros_(part.weight)
        torch.nn.init.zeros_(part.bias)
    model.encoder.last.bias.data = bias
    return model


def test_a_collapsed_posterior_tells_nothing(rows):
    found = posterior(_vae(torch.zeros(2 * D)), rows, draws=4)
    assert found.kl == pytest.approx(0, abs=1e-6)
    assert found.mutual_information == pytest.approx(0, abs=1e-6)
    # The importance weights are all p(x): the bound is exact.
    assert found.nll == pytest.approx(16 / 3 * math.log(V), rel=1e-5)


def test_a_wrong_posterior_costs_kl_but_importance_weights_find_the_likelihood(rows):
    bias = torch.tensor([0.5, 0, 0, 0.3, 0, 0])
    found = posterior(_vae(bias), rows, draws=400)
    assert found.kl == pytest.approx(0.5 * (0.25 + math.exp(0.3) - 0.3 - 1), rel=1e-5)
    assert found.mutual_information == pytest.approx(0, abs=1e-6)
    assert found.nll == pytest.approx(16 / 3 * math.log(V), abs=0.1)


def test_posteriors_far_apart_tell_which_sentence_it_is(rows):
    model = _vae(torch.tensor([0.0, 0, 0, -8, -8, -8]))
    model.encoder.last.weight.data[:D] = 50 * torch.randn(D, 8)
    assert posterior(model, rows).mutual_information == pytest.approx(math.log(3), abs=0.01)
    with pytest.raises(ValueError, match="Only a Variational latent has a posterior: got Plain"):
        posterior(ea.Autoencoder(model.encoder, model.decoder, Plain(2 * D)), rows)


def test_all_figures_of_a_model(samples):
    latent = Variational(4, batch_norm=0.6)
    networks = text_pair("lstm", len(samples.kind.tokenizer), 16, 8, 4, hidden=8)
    model = ea.Autoencoder(*networks, latent).eval()
    options = {"hidden": 8, "steps": 5}
    found = evaluate_text(model, samples, samples, n=40, made=50, language=options)
    assert set(found) == {
        *("nll", "perplexity", "accuracy", "bleu", "kl", "mutual_information"),
        *("importance_weighted_nll", "round_trip_information", "active_units", "used_units"),
        *("forward_perplexity", "reverse_perplexity", "distinct", "repeated", "copied"),
    }
    assert all(math.isfinite(value) for value in found.values())
    assert (model.decoder.decoding, model.decoder.drawing) == (greedy, nucleus)  # as they were
    few = evaluate_text(model, samples, samples, n=40, made=50, counted=9, language=options)
    lines = samples.kind.present(draw(model, 50))
    for count, figures in ((50, found), (9, few)):
        assert figures["repeated"] == pytest.approx(1 - len({*lines[:count]}) / count)
    assert {n: v for n, v in few.items() if n not in ("repeated", "distinct")} == {
        n: v for n, v in found.items() if n not in ("repeated", "distinct")
    }


# The command line


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text")
    (folder / "corpus.txt").write_text("\n".join([*CORPUS, ""]))
    options = ["--tokenizer", "word", "--length", "16", "--epochs", "3", "--model.hidden", "[16]"]
    options += ["--data", str(folder / "corpus.txt"), "--model.latent.dim", "4", "--no-report"]
    assert main(["fit", "--out", str(folder / "run"), *options]) == 0
    return folder


def test_sentences_have_no_cells_to_fill_in(trained, capsys):
    for out in ([], ["--out", "x.txt"]):
        assert main(["impute", str(trained / "run"), *out]) == 1
        assert "`impute` is for tables: this model is of sentences" in capsys.readouterr().err


def test_it_is_said_at_the_start_what_sentences_worth_reading_take(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Text, "enough", 6)
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(CORPUS + [f"{line} again" for line in CORPUS]))
    options = ["--data", str(path), "--length", "40", "--model.hidden", "[16]", "--no-report"]
    fit = ["fit", *options, "--model.latent.dim", "4", "--batch_size", "100"]
    assert main([*fit, "--out", str(tmp_path / "short"), "--minutes", "1e-4"]) == 0
    out = capsys.readouterr().out
    assert re.search(
        r"^\d+ different tokens, byte pairs \(--tokenizer, --vocabulary\)\.$", out, re.M
    )
    said = re.search(r"That is (\d+) steps; sentences are seldom worth reading before 6: "
                     r"(--epochs \d+) takes about \d+ seconds?\.", out)  # fmt: skip
    assert said is not None
    assert said[1] == "2"
    assert main([*fit, "--out", str(tmp_path / "long"), *said[2].split()]) == 0
    assert ea.Run.open(tmp_path / "long").metrics["steps"] == 6
    capsys.readouterr()


def test_what_a_recipe_leaves_open_suits_sentences(samples):
    recipe, components = settled(Recipe(), samples, samples, say=False)
    latent = recipe.model.latent
    assert components is None
    assert (recipe.batch_size, latent["dim"], latent["noise"]) == (64, 16, (0.5, 0.5))
    asked = ModelConfig(latent={"name": "entropic", "dim": 3, "noise": (0.0, 0.0)})
    recipe, _ = settled(Recipe(batch_size=9, model=asked), samples, samples, say=False)
    assert (recipe.batch_size, recipe.model.latent) == (9, asked.latent)
    other = ModelConfig(latent={"name": "variational", "dim": 3})
    assert settled(Recipe(model=other), samples, samples)[0].model.latent == other.latent


def test_a_plan_says_how_long_a_training_worth_its_while_takes(samples):
    plan, few = Plan(epochs=10, wanted=50, seconds=60.0), samples.subset(range(64))
    assert said_of(plan, few, 1) == (
        "10 passes over 64 sentences: about 10 minutes. All 50 would take about 50 minutes: "
        "give it --epochs 50, or more --minutes."
    )
    assert said_of(plan, few, 2) == (
        "10 passes over 64 sentences: about 10 minutes. That is 320 steps; sentences are seldom "
        "worth reading before 500: --epochs 16 takes about 16 minutes."
    )
    assert said_of(plan._replace(wanted=10), few, 1) == (
        "10 passes over 64 sentences: about 10 minutes."
    )


def test_a_run_writes_sentences(trained, capsys):
    run = trained / "run"
    assert len((run / "samples.txt").read_text().splitlines()) == 64
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["validation"]["perplexity"] > 1
    made = []
    for decoding in ("greedy", "beam", "sampling", "nucleus"):
        for _ in range(2):
            assert main(["sample", str(run), "-n", "5", "--decoding", decoding]) == 0
            made.append(capsys.readouterr().out)
            assert made[-1].count("\n") == 5
        assert made[-1] == made[-2]
    assert made[0] != made[-1]


def test_a_run_reconstructs_and_interpolates(trained, capsys):
    run = trained / "run"
    assert main(["reconstruct", str(run), "-n", "3"]) == 0
    out, err = capsys.readouterr()
    assert "Nats per sentence: " in err
    lines_ = out.splitlines()
    assert len(lines_) == 6
    assert all(line in CORPUS for line in lines_[::2])
    assert all(line.startswith("→ ") for line in lines_[1::2])
    out = trained / "between.txt"
    assert main(["interpolate", str(run), "-n", "2", "--steps", "4", "--out", str(out)]) == 0
    assert out.read_text().count("\n") == 4 + 1 + 4
    assert main(["sample", str(run), "--out", "x.png"]) == 1
    assert "`--out` must be a .txt file for text" in capsys.readouterr().err


def test_other_sentences_are_read_with_the_runs_tokenizer(trained, capsys):
    run = trained / "run"
    (trained / "other.txt").write_text("the cat eats my friend.\nthe zebra eats a dog.\n")
    with pytest.warns(UserWarning, match="1 of 12 tokens unknown"):
        assert main(["reconstruct", str(run), "--data", str(trained / "other.txt")]) == 0
    assert "the \ufffd eats a dog." in capsys.readouterr().out
    codes = trained / "codes.npy"
    assert main(["encode", str(run), "--out", str(codes)]) == 0
    assert np.load(codes).shape == (len(CORPUS), 4)


def test_a_tokenizer_of_another_model_is_refused(trained, capsys, tmp_path):
    import shutil

    run = shutil.copytree(trained / "run", tmp_path / "run")
    BYTES.save(run)
    assert main(["sample", str(run)]) == 1
    assert "is not that of its model" in capsys.readouterr().err


def test_networks_of_images_do_not_take_text(trained, capsys):
    options = ["--data", str(trained / "corpus.txt"), "--out", str(trained / "no")]
    assert main(["fit", *options, "--model.network", "conv"]) == 1
    assert "`network` must be one of auto, lstm, transformer: got 'conv'" in capsys.readouterr().err
    assert main(["fit", "--out", str(trained / "no"), "--model.network", "lstm"]) == 1
    assert (
        "`network` must be one of auto, mlp, conv, residual: got 'lstm'" in capsys.readouterr().err
    )


# What is no corpus, or not all of it


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("the same\n" * 9, r"All 9 sentences are the same: there is nothing to learn\."),
        ("a dog ran. " * 2000, r"1 have more than 16384 characters\. Paragraphs become sentences"),
        ("a dog\n", r"At least 2 sentences are needed.*got 1 \(none left out\)\. Give a line for"),
    ],
)
def test_what_cannot_be_learnt_is_told_why(content, said, tmp_path):
    (tmp_path / "x.txt").write_text(content)
    with pytest.raises(ValueError, match=said):
        kinds.read(tmp_path / "x.txt")


def test_the_length_that_is_offered_takes_the_lines(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("".join(f"{'word ' * n}\n" for n in range(40, 80)))
    with pytest.raises(ValueError, match=r"got 0 \(40 overlong lines") as raised:
        kinds.read(path, tokenizer="word", length=8)
    option = re.search(r"To keep more of them: --length (\d+)$", str(raised.value))
    assert option is not None
    assert len(kinds.read(path, tokenizer="word", length=int(option[1]))) == 40


def test_unknown_tokens_are_told_how_to_be_known(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("\n".join(CORPUS))
    with pytest.warns(UserWarning, match="tokens unknown") as warned:
        read = kinds.read(path, tokenizer="word", vocabulary=6)
    said = re.search(r"with --vocabulary (\d+), all with --tokenizer (\w+)", str(warned[0].message))
    assert said is not None
    more = kinds.read(path, tokenizer="word", vocabulary=int(said[1]))
    assert len(more.kind.tokenizer) > len(read.kind.tokenizer)
    assert kinds.read(path, tokenizer=said[2]).skipped == ()


def test_indented_and_repeated_lines_are_told(tmp_path):
    path = tmp_path / "x.py.txt"
    path.write_text("def f():\n    return 1\n" * 4)
    assert kinds.read(path).told == (
        "4 of 8 lines are indented, which is not kept: a sentence has single spaces. 6 of 8 lines "
        "repeat others, so that held-out ones are among those trained on. For figures of new "
        "sentences, give each line once."
    )
    path.write_text("\n".join(CORPUS))
    assert kinds.read(path).told == ""


def test_a_model_takes_a_single_sentence(trained, tmp_path, capsys):
    path = tmp_path / "one.txt"
    path.write_text(f"{CORPUS[0]}\n")
    run = str(trained / "run")
    assert main(["reconstruct", run, "--data", str(path)]) == 0
    assert main(["encode", run, "--data", str(path), "--out", str(tmp_path / "c.csv")]) == 0
    assert len((tmp_path / "c.csv").read_text().splitlines()) == 2
    path.write_text("a dog sleeps " * 20)
    assert main(["reconstruct", run, "--data", str(path)]) == 1
    err = capsys.readouterr().err
    assert err.endswith("At least 1 sentence is needed, of fewer than 16 tokens: got 0 (1 overlong "
                        "lines). Give shorter ones.\n")  # fmt: skip


@pytest.mark.long
def test_few_sentences_are_evaluated_and_no_figure_has_a_wrong_direction(trained, capsys):
    path = trained / "few.txt"
    path.write_text("\n".join(CORPUS[:3]))
    for data in ([], ["--data", str(path)]):
        assert main(["evaluate", str(trained / "run"), *data]) == 0
        said = re.findall(r"^(bleu|round trip information|.* units): .* \((\w+)", *reading(capsys))
        assert {"bleu"} <= {name for name, _ in said}
        assert {way for _, way in said} == {"higher"}


def reading(capsys):
    return capsys.readouterr().out, re.MULTILINE


def test_what_joins_letters_and_emoji_is_printed():
    assert printable("می\u200cخواهم 👨\u200d👩\u200d👧") == "می\u200cخواهم 👨\u200d👩\u200d👧"
    assert printable("\u202eabc") == "\\u202eabc"


def test_the_help_names_every_decoding(capsys):
    with pytest.raises(SystemExit):
        main(["sample", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert f"For text: {' or '.join(', '.join(sorted(DECODINGS)).rsplit(', ', 1))};" in said
