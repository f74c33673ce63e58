"""Texts and tables in encodings from before Unicode, and with other ends of lines."""

from __future__ import annotations

import gzip
import re
import warnings

import pytest

from entropae.kinds import read
from entropae.reader import read_table

TEXTS = {
    "cp1252": "Das schöne Mädchen ging über die Straße – „ja“.",
    "latin-1": "caf\u00e9 au lait\x81",  # a byte that Windows does not have
    "cp1251": "Привет мир, сегодня хорошая погода",
    "koi8-r": "Привет мир, сегодня хорошая погода",
    "shift_jis": "今日はとてもいい天気ですね。明日も晴れるでしょう。",
    "euc_jp": "今日はとてもいい天気ですね。明日も晴れるでしょう。",
    "euc_kr": "안녕하세요 오늘은 날씨가 좋습니다",
    "gb18030": "你好，世界。今天天气很好，我们去公园吧。",
    "utf-16": "Straße und 天气",
}


@pytest.mark.parametrize("encoding", TEXTS)
def test_texts_are_read_in_their_encoding(encoding, tmp_path):
    lines = [f"{TEXTS[encoding]} {i}" for i in range(20)]
    content = "\n".join(lines).encode(encoding)
    (tmp_path / "a.txt").write_bytes(content)
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(content))
    for name in ("a.txt", "a.txt.gz"):
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            samples = read(tmp_path / name)
        said = [str(one.message) for one in warned if "UTF-8" in str(one.message)]
        assert len(said) == (encoding != "utf-16")
        assert all(f"it was read as {encoding}. If" in one for one in said)
        found = samples.kind.present(samples.first(20))
        assert [" ".join(one.split()) for one in found] == [" ".join(one.split()) for one in lines]


@pytest.mark.parametrize("encoding", [name for name in TEXTS if name != "latin-1"])
def test_tables_are_read_in_their_encoding(encoding, tmp_path):
    rows = [f"{TEXTS[encoding].replace(',', '')},{i}" for i in range(20)]
    (tmp_path / "a.csv").write_bytes("\n".join(["text,number", *rows]).encode(encoding))
    table = read_table(tmp_path / "a.csv").data
    assert table.column("text").to_pylist() == [TEXTS[encoding].replace(",", "")] * 20


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_in_any_way(end, tmp_path):
    (tmp_path / "a.txt").write_bytes(end.join(f"the cat number {i}" for i in range(20)).encode())
    assert len(read(tmp_path / "a.txt")) == 20


def test_an_empty_text_is_said_to_be_empty(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"")
    with pytest.raises(ValueError, match=r"a\.txt has no sentences: it is empty"):
        read(tmp_path / "a.txt")


def test_a_text_that_turns_into_another_encoding_is_refused(tmp_path):
    content = b"the cat sat\n" * 100_000 + "süß\n".encode("cp1252") * 20
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(ValueError, match=r"not all in one encoding .* Save it as UTF-8"):
        read(tmp_path / "a.txt")


# Lines of single words, which are no sentences.


def test_names_are_read_by_character_and_longer_lines_are_offered(tmp_path):
    path = tmp_path / "molecules.txt"
    lines = ["C" * n + "O=" for n in range(20, 120)]
    path.write_text("\n".join(lines), "utf-8")
    with pytest.warns(UserWarning, match="42 of 100 lines kept: 58 overlong lines") as warned:
        samples = read(path)
    assert "characters (--tokenizer" in samples.kind.introduction
    option = re.search(r"To keep more of them: --length (\d+)$", str(warned[0].message))
    assert option is not None
    assert len(read(path, length=int(option[1]))) == 100
