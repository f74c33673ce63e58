"""Tables as people's programs write them, and what is in them.

The tests and `benchmarks/dialects.py` read them.
"""

from __future__ import annotations

import datetime as dt
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Columns = dict[str, list[Any]]


@dataclass(frozen=True)
class Written:
    """A file, and what it says.

    Attributes:
        content: Its bytes.
        columns: What is in it; `None` if it must be refused.
        said: Words of which one must be in what is said of it: what was uncertain, or is wrong.
        suffix: Of its name.
    """

    content: bytes
    columns: Columns | None
    said: tuple[str, ...] = ()
    suffix: str = ".csv"


def lines(*rows: str, end: str = "\n") -> str:
    return "".join(row + end for row in rows)


def written(
    text: str, columns: Columns | None, *said: str, encoding: str = "utf-8", **more: Any
) -> Written:
    return Written(text.encode(encoding), columns, said, **more)


def table(rows: Sequence[Sequence[str]], separator: str) -> str:
    return lines(*(separator.join(row) for row in rows))


XYZ = [("x", "y", "who"), ("1.5", "2", "ann"), ("-0.25", "3", "bob"), ("2e3", "5", "ann")]
XYZ_COLUMNS = {"x": [1.5, -0.25, 2000.0], "y": [2, 3, 5], "who": ["ann", "bob", "ann"]}
COMMA = [[cell.replace(".", ",") for cell in row] for row in XYZ]
DAY = [dt.date(2020, 12, 25), dt.date(2021, 1, 31), dt.date(2021, 2, 3)]
V = [1, 2, 3]
TOWNS = {"city": ["Köln", "Zürich", "Málaga"], "n": V}
TOWN_LINES = lines("city;n", "Köln;1", "Zürich;2", "Málaga;3")
UTC = dt.UTC


def days(form: str) -> str:
    return lines("day,n", *(f"{day.strftime(form)},{i + 1}" for i, day in enumerate(DAY)))


DIALECTS: dict[str, Written] = {
    "comma": written(table(XYZ, ","), XYZ_COLUMNS),
    "semicolon": written(table(XYZ, ";"), XYZ_COLUMNS, "separator"),
    "tab": written(table(XYZ, "\t"), XYZ_COLUMNS, suffix=".tsv"),
    "bar": written(table(XYZ, "|"), XYZ_COLUMNS, "separator", suffix=".txt"),
    "columns aligned by spaces": written(
        lines(*(f"{a:>8} {b:>4}   {c}" for a, b, c in XYZ)), XYZ_COLUMNS, "separator", suffix=".txt"
    ),
    "decimal comma": written(table(COMMA, ";"), XYZ_COLUMNS, "decimal comma"),
    "decimal comma, tab": written(table(COMMA, "\t"), XYZ_COLUMNS, "decimal comma"),
    "decimal comma, three digits": written(
        lines("x;y", "1,234;1", "2,345;2", "3,456;3"),
        {"x": [1.234, 2.345, 3.456], "y": V},
        "decimal comma",
    ),
    "1.234,5": written(
        lines("x;y", "1.234,5;1", "12,25;2", "1.234.567,0;3"),
        {"x": [1234.5, 12.25, 1234567.0], "y": V},
        "decimal comma",
    ),
    "1,234.5": written(
        lines("x,y", '"1,234.5",1', '"12.25",2', '"1,234,567.0",3'),
        {"x": [1234.5, 12.25, 1234567.0], "y": V},
        "thousands",
    ),
    "1 234": written(
        lines("x;y", "1 234;1", "12;2", "1 234 567;3"),
        {"x": [1234, 12, 1234567], "y": V},
        "thousands",
    ),
    "1'234.50": written(
        lines("x;y", "1'234.50;1", "12.00;2", "1'234'567.00;3"),
        {"x": [1234.5, 12.0, 1234567.0], "y": V},
        "thousands",
    ),
    "UTF-8": written(TOWN_LINES, TOWNS, "separator"),
    "UTF-8 with a mark": written(TOWN_LINES, TOWNS, "separator", encoding="utf-8-sig"),
    "UTF-16 LE": Written(b"\xff\xfe" + TOWN_LINES.encode("utf-16-le"), TOWNS, ("utf-16",)),
    "UTF-16 BE": Written(b"\xfe\xff" + TOWN_LINES.encode("utf-16-be"), TOWNS, ("utf-16",)),
    "Latin-1": written(TOWN_LINES, TOWNS, "encoding", encoding="latin-1"),
    "cp1252": written(
        lines("price;n", "10 €;1", "“20” €;2", "30 – 40 €;3"),
        {"price": ["10 €", "“20” €", "30 – 40 €"], "n": V},
        "encoding",
        encoding="cp1252",
    ),
    "quotes doubled": written(
        lines("s,n", '"say ""a""",1', '"b, c",2', '"d",3'), {"s": ['say "a"', "b, c", "d"], "n": V}
    ),
    "single quotes": written(
        lines("s,n", "'a, b',1", "'c',2", "'d, e',3"),
        {"s": ["a, b", "c", "d, e"], "n": V},
        "single quotes",
    ),
    "lines within quotes": written(
        lines("s;n", '"a\nb";1', '"c;\nd";2', "e;3"),
        {"s": ["a\nb", "c;\nd", "e"], "n": V},
        "separator",
    ),
    "all quoted": written(
        lines('"x","n"', '"1.5","1"', '"2.5","2"', '"NA","3"'), {"x": [1.5, 2.5, None], "n": V}
    ),
    "comments": written(
        lines(
            "# made by a logger, version 2",
            "# site A",
            "x,y",
            "1.5,1",
            "# paused",
            "2.5,2",
            "3.5,3",
        ),
        {"x": [1.5, 2.5, 3.5], "y": V},
        "#",
    ),
    "no header": written(
        lines("0.5,1", "1.5,2", "2.5,3"), {"1": [0.5, 1.5, 2.5], "2": V}, "no header"
    ),
    "no header, classes": written(
        lines("5.1,3.5,setosa", "4.9,3.0,setosa", "7.0,3.2,versicolor"),
        {"1": [5.1, 4.9, 7.0], "2": [3.5, 3.0, 3.2], "3": ["setosa", "setosa", "versicolor"]},
        "no header",
    ),
    "names that are years": written(
        lines("land;2019;2020", "DE;1.5;2.5", "FR;3.5;4.5", "IT;5.5;6.5"),
        {"land": ["DE", "FR", "IT"], "2019": [1.5, 3.5, 5.5], "2020": [2.5, 4.5, 6.5]},
        "first row",
    ),
    "names that are numbers": written(
        lines("0,1,2,3", "5,0,0,7", "3,0,1,4", "4,1,0,2"),
        {"0": [5, 3, 4], "1": [0, 0, 1], "2": [0, 1, 0], "3": [7, 4, 2]},
        "first row",
    ),
    "rows that count": written(
        lines("0,1,2,3", "1,2,3,4", "2,3,4,5"),
        {"1": [0, 1, 2], "2": [1, 2, 3], "3": [2, 3, 4], "4": [3, 4, 5]},
        "no header",
    ),
    "day first": written(days("%d/%m/%Y"), {"day": DAY, "n": V}),
    "month first": written(days("%m/%d/%Y"), {"day": DAY, "n": V}),
    "days with points": written(days("%d.%m.%Y"), {"day": DAY, "n": V}),
    "ISO days": written(days("%Y-%m-%d"), {"day": DAY, "n": V}),
    "days of any order": written(
        lines("day;x", "03/04/2020;1,5", "05/04/2020;2,5", "07/06/2020;3,5"),
        {
            "day": [dt.date(2020, 4, 3), dt.date(2020, 4, 5), dt.date(2020, 6, 7)],
            "x": [1.5, 2.5, 3.5],
        },
        "day first",
    ),
    "times with a zone": written(
        lines(
            "at,n",
            "2020-01-01T12:00:00Z,1",
            "2020-01-01T12:00:00+02:00,2",
            "2020-01-02 00:00:00-01:30,3",
        ),
        {
            "at": [
                dt.datetime(2020, 1, 1, 12, tzinfo=UTC),
                dt.datetime(2020, 1, 1, 10, tzinfo=UTC),
                dt.datetime(2020, 1, 2, 1, 30, tzinfo=UTC),
            ],
            "n": V,
        },
    ),
    "day first with times": written(
        lines("at;n", "25.12.2020 13:45;1", "31.01.2021 00:00;2", "03.02.2021 07:30;3"),
        {
            "at": [
                dt.datetime(2020, 12, 25, 13, 45),
                dt.datetime(2021, 1, 31),
                dt.datetime(2021, 2, 3, 7, 30),
            ],
            "n": V,
        },
        "separator",
    ),
    "leading zeros": written(
        lines("zip,n", "01067,1", "80331,2", "04109,3"),
        {"zip": ["01067", "80331", "04109"], "n": V},
        "zip",
    ),
    "words for missing": written(
        lines(
            "x,y,s", "1.5,-,a", "NA,2,N/A", "n/a,?,b", "NULL,3,", "nan,4,NA", "2.5,.,c", "#N/A,5,d"
        ),
        {
            "x": [1.5, None, None, None, None, 2.5, None],
            "y": [None, 2, None, 3, 4, None, 5],
            "s": ["a", None, "b", None, None, "c", "d"],
        },
    ),
    "separators at the end": written(
        lines("x;y;", "1.5;1;", "2.5;2;", "3.5;3;"), {"x": [1.5, 2.5, 3.5], "y": V}, "separator"
    ),
    "spaces after separators": written(
        lines("x, y, who", "1.5, 1, ann", "2.5, 2, bob", "3.5, 3, ann"),
        {"x": [1.5, 2.5, 3.5], "y": V, "who": ["ann", "bob", "ann"]},
    ),
    "rows too short": written(lines("x,y,z", "1,2,3", "4,5", "7,8,9"), None, "line 3"),
    "rows too long": written(lines("x,y", "1,2", "3,4", "5,6,7", "8,9"), None, "line 4"),
    "CRLF": written(table(XYZ, ",").replace("\n", "\r\n"), XYZ_COLUMNS),
    "CR": written(table(XYZ, ",").replace("\n", "\r"), XYZ_COLUMNS),
    "empty lines": written(
        lines("", "x,y", "", "1.5,1", "2.5,2", "", "3.5,3", "", ""), {"x": [1.5, 2.5, 3.5], "y": V}
    ),
    "a line of units": written(
        lines("height;weight", "m;kg", "1.75;70.5", "1.62;58.0", "1.81;80.5"),
        {"height": [1.75, 1.62, 1.81], "weight": [70.5, 58.0, 80.5]},
        "units",
    ),
    "lines before the names": written(
        lines("Export of 2020-01-01", "", "x;y", "1.5;1", "2.5;2", "3.5;3"),
        {"x": [1.5, 2.5, 3.5], "y": V},
        "before",
    ),
    "sep=": written(lines("sep=;") + table(XYZ, ";"), XYZ_COLUMNS, "separator"),
    "one column": written(lines("x", "1.5", "2.5", "3.5"), {"x": [1.5, 2.5, 3.5]}),
    "one column, decimal comma": written(
        lines("x", "1,5", "2,5", "13,5"), {"x": [1.5, 2.5, 13.5]}, "decimal comma"
    ),
    "a name twice": written(lines("x,x", "1,2", "3,4"), None, "more than one column called x"),
    "a column without a name": written(
        lines(",x,y", "0,1.5,1", "1,2.5,2", "2,3.5,3"),
        {"index": [0, 1, 2], "x": [1.5, 2.5, 3.5], "y": V},
        "without a name",
    ),
    "names of rows": written(
        lines('"x" "who"', '"1" 1.5 "ann b"', '"2" 2.5 "bob"', '"3" 3.5 "cy"'),
        {"index": [1, 2, 3], "x": [1.5, 2.5, 3.5], "who": ["ann b", "bob", "cy"]},
        "without a name",
        suffix=".txt",
    ),
    "percent": written(
        lines("share,n", "12.5%,1", "7%,2", "100 %,3"),
        {"share": [12.5, 7.0, 100.0], "n": V},
        "percent",
    ),
    "logical": written(
        lines("a,b,n", "true,TRUE,1", "false,FALSE,2", "true,TRUE,3"),
        {"a": [True, False, True], "b": [True, False, True], "n": V},
    ),
    "gzip": Written(
        gzip.compress(table(XYZ, ",").encode(), mtime=0), XYZ_COLUMNS, suffix=".csv.gz"
    ),
    "large whole numbers": written(
        lines("id,x", f"{2**60 + 1},1.5", f"{2**60 + 3},2.5", "7,3.5"),
        {"id": [2**60 + 1, 2**60 + 3, 7], "x": [1.5, 2.5, 3.5]},
    ),
    "no-break spaces": written(
        lines("x;y", "1\u00a0234,5;1", "12\u00a0345,6;2", "1\u202f234,7;3"),
        {"x": [1234.5, 12345.6, 1234.7], "y": V},
        "thousands separated by no-break spaces",
    ),
    "money": written(
        lines("price,n", '"$1,234.50",1', "$12.00,2", "$0.75,3"),
        {"price": [1234.5, 12.0, 0.75], "n": V},
        "currency",
    ),
    "names of months": written(
        lines("day,n", "25 Dec 2020,1", "31 January 2021,2", "3 Feb. 2021,3"), {"day": DAY, "n": V}
    ),
    "month first, with words": written(
        lines("day;n", "Dec 25, 2020;1", "Jan 31, 2021;2", "Feb 3, 2021;3"),
        {"day": DAY, "n": V},
        "separator",
    ),
    "half days": written(
        lines("at,n", "12/25/2020 1:45 PM,1", "1/31/2021 12:00 AM,2", "2/3/2021 7:30 AM,3"),
        {
            "at": [
                dt.datetime(2020, 12, 25, 13, 45),
                dt.datetime(2021, 1, 31),
                dt.datetime(2021, 2, 3, 7, 30),
            ],
            "n": V,
        },
    ),
    "times of day": written(
        lines("at,n", "0:30,1", "12:00,2", "23:59,3"),
        {"at": [dt.time(0, 30), dt.time(12), dt.time(23, 59)], "n": V},
    ),
    "quotes after a backslash": written(
        lines("s,n", r'"say \"a\" twice",1', '"b, c",2', '"d",3'),
        {"s": ['say "a" twice', "b, c", "d"], "n": V},
    ),
    "comments after a percent sign": written(
        lines("% MATLAB", "1.5 1", "2.5 2", "3.5 3"),
        {"1": [1.5, 2.5, 3.5], "2": V},
        "'%'",
        suffix=".txt",
    ),
    "a total below": written(
        lines("x,n", "1.5,1", "2.5,2", "3.5,3", "sum,6"),
        {"x": ["1.5", "2.5", "3.5", "sum"], "n": [1, 2, 3, 6]},
        "'sum' is no number",
    ),
}
