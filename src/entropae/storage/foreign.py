"""What people bring in formats that are not read here, and how to bring it so that it is."""

from __future__ import annotations

import codecs
import itertools
import shlex
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from entropae.messages import counted

# What of pandas reads a table.
TABLES = {
    **dict.fromkeys((".xlsx", ".xlsm", ".xls", ".ods"), "read_excel({})"),
    ".json": "read_json({}, dtype=False)",
    **dict.fromkeys((".jsonl", ".ndjson"), "read_json({}, dtype=False, lines=True)"),
    **dict.fromkeys((".feather", ".arrow"), "read_feather({})"),
    ".orc": "read_orc({})",
    ".dta": "read_stata({})",
    ".sav": "read_spss({})",
    **dict.fromkeys((".sas7bdat", ".xpt"), "read_sas({}, encoding='utf-8')"),
}
# Images, which are read from their folder.
IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
FRAMED = ("GIF", "PNG", "TIFF", "WEBP")  # of Pillow's formats, those of several frames
LOOKED = 4096  # bytes by which a text is told


def way_on(path: Path) -> str:
    """How to bring what is in a file of another format, in a sentence or two; nothing if unknown.

    Examples:
        >>> way_on(Path("x.npy.gz"))
        'Unpack it first: python -m gzip -d x.npy.gz'
    """
    if not str(path).isprintable():
        return ""  # a command of it could not be copied
    name = path.name.lower()
    for endings, way in WAYS:
        if name.endswith(endings):
            return way(path)
    if _is_pickle(path):
        return PICKLED
    return TEXT if _is_text(path) else ""


def _table(path: Path) -> str:
    read = TABLES[path.suffix.lower()].format(repr(str(path)))
    return f"With pandas: {_to_csv(path, read)}"


def _database(path: Path) -> str:
    """Of SQLite: a command that takes its first table."""
    import sqlite3

    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            found = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            names = [name for (name,) in found]
    except sqlite3.Error:
        return ""
    if not names or not all(map(str.isidentifier, names)):
        return ""
    out = str(free(path.with_suffix(".csv")))
    read = f"pandas.read_sql('SELECT * FROM {names[0]}', sqlite3.connect({str(path)!r}))"
    command = python(f"import pandas, sqlite3; {read}.to_csv({out!r}, index=False)")
    return f"It is a database with {counted(names)}. To take {names[0]}: {command}"


def _pickle(path: Path) -> str:
    return (
        "A pickle can run code as it is opened, so none is. If it is your own, and a frame: "
        + _to_csv(path, f"read_pickle({str(path)!r})")
    )


def _to_csv(path: Path, read: str) -> str:
    out = str(free(path.with_suffix(".csv")))
    return python(f"import pandas; pandas.{read}.to_csv({out!r}, index=False)")


def _array(said: str, module: str, read: str, path: Path) -> str:
    """A command that writes an array which another package reads."""
    out = str(free(path.with_suffix(".npy")))
    code = f"import numpy, {module}; x = {read.format(repr(str(path)))}; numpy.save({out!r}, x)"
    return f"{said}: {python(code)}"


def _archive(module: str, path: Path) -> str:
    folder = free(path.with_name(path.name.partition(".")[0] or "unpacked"))
    command = shlex.join(["python", "-m", module, "-e", str(path), str(folder)])
    return f"Unpack it, and give the folder, or a file that is in it: {command}"


def _packed(path: Path) -> str:
    return f"Unpack it first: {shlex.join(['python', '-m', 'gzip', '-d', str(path)])}"


def _picture(path: Path) -> str:
    frames = _frames(path)
    if frames > 1:
        folder = free(path.with_name(path.name.partition(".")[0] or "frames"))
        name = f"out / (str(10 ** {len(str(frames))} + i)[1:] + '.png')"
        code = (
            "import pathlib; from PIL import Image, ImageSequence; "
            f"out = pathlib.Path({str(folder)!r}); out.mkdir(); x = Image.open({str(path)!r}); "
            f"[one.save({name}) for i, one in enumerate(ImageSequence.Iterator(x))]; x.close()"
        )
        return f"{path} has {frames} frames. To make a folder of them: {python(code)}"
    return (
        f"It is one image: give the folder of all of them (--data {shlex.quote(str(path.parent))})."
    )


def _frames(path: Path) -> int:
    """How many images are in the file of one; 0 if it cannot be opened."""
    from PIL import Image

    from entropae.storage.pictures import DAMAGED

    try:
        with Image.open(path, formats=FRAMED) as image:
            return getattr(image, "n_frames", 1)
    except DAMAGED:
        return 0


def instead(folder: Path, files: Sequence[Path]) -> str:
    """What to give instead of a folder that holds no images, but these files."""
    if not files:
        return "There are no files at all."
    suffixes = Counter(path.suffix for path in files)
    suffix = ".parquet" if suffixes[".parquet"] > 1 else files[0].suffix
    parts = [path for path in files if path.suffix == suffix]
    # Not what others have named to test with.
    parts = [path for path in parts if path.name.startswith("train")] or parts
    are_one = suffix == ".parquet" or len(suffixes) == 1
    differ = suffix == ".csv" and len(set(map(_first_line, parts))) > 1
    if suffix in JOINS and len(parts) > 1 and are_one and not differ:
        return _joined(folder, parts)
    ways = set(map(way_on, files)) if suffix not in JOINS and len(files) > 1 else set()
    if len(ways) == 1 and (way := ways.pop()):
        return f"It holds {counted(files)}. {way}"
    return f"It holds {counted(files)}: give one of these by its name."


def _joined(folder: Path, parts: Sequence[Path]) -> str:
    """A command that makes one file of the parts of a data set."""
    suffix = parts[0].suffix
    what, modules, code = JOINS[suffix]
    pattern = ("train*" if parts[0].name.startswith("train") else "*") + suffix
    listed = f"sorted(pathlib.Path({str(folder)!r}).rglob({pattern!r}))"
    code = code.format(listed=listed, out=repr(str(free(folder.with_suffix(suffix)))))
    return f"To make one {what} of {counted(parts)}: {python(f'import {modules}; {code}')}"


def _first_line(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.readline(LOOKED)


def free(path: Path) -> Path:
    """A path at which there is nothing."""
    names = (path.with_stem(f"{path.stem}-{i}") for i in itertools.count(2))
    return next(one for one in itertools.chain([path], names) if not one.exists())


def python(code: str) -> str:
    """A command that runs code, readable where nothing in it is the shell's own."""
    plain = not any(c in code for c in '"$`\\!')
    return f'python -c "{code}"' if plain else shlex.join(["python", "-c", code])


def _is_pickle(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(2) in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


def _is_text(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(LOOKED)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)  # the last character may be cut
    except UnicodeDecodeError:
        return False
    return bool(start) and b"\0" not in start


TEXT = (
    "It looks like text: give it a name that ends in .csv if it is a table (separators are found "
    "out), or in .txt if each line is a sentence."
)
PICKLED = (
    "It looks like a pickle, which can run code as it is opened, so none is. If you trust it, save "
    "the array that is in it: numpy.save."
)
PHOTOS = "Save the images as .png or .jpg files, and give their folder."
# By the ending of the parts: what becomes of them, what is imported for it, and how. The lines of
# tables are joined as they are, whatever separates and quotes their cells, but for the names.
LINES = "x = [one.read_bytes().splitlines() for one in {listed}]; pathlib.Path({out}).write_bytes"
JOINS = {
    ".parquet": (
        "table",
        "pathlib, pyarrow.dataset, pyarrow.parquet",
        "x = pyarrow.dataset.dataset([str(one) for one in {listed}]).to_table(); "
        "pyarrow.parquet.write_table(x, {out})",
    ),
    ".npy": (
        "array",
        "numpy, pathlib",
        "numpy.save({out}, numpy.stack([numpy.load(one) for one in {listed}]))",
    ),
    ".csv": (
        "table",
        "pathlib",
        f"{LINES}(bytes([10]).join(x[0][:1] + [line for one in x for line in one[1:]]))",
    ),
    ".txt": (
        "text",
        "pathlib",
        f"{LINES}(bytes([10]).join(line for one in x for line in one))",
    ),
}
WAYS: tuple[tuple[tuple[str, ...], Callable[[Path], str]], ...] = (
    (tuple(TABLES), _table),
    ((".pkl", ".pickle", ".joblib"), _pickle),
    (
        (".pt", ".pth"),
        partial(_array, "If it is one tensor", "torch", "torch.load({}, weights_only=True)"),
    ),
    (
        (".mat",),
        partial(_array, "Take a variable of it, as X", "scipy.io", "scipy.io.loadmat({})['X']"),
    ),
    (
        (".h5", ".hdf5"),
        partial(_array, "Take a data set of it, as x", "h5py", "h5py.File({})['x'][:]"),
    ),
    (
        (".nii", ".nii.gz"),
        lambda _: "Open it with nibabel, and save its array: numpy.save.",
    ),
    ((".dcm",), lambda _: "Save the images as .png files of 16 bits, and give their folder."),
    ((".heic", ".heif", ".avif", ".svg", ".raw", ".cr2", ".nef", ".dng", ".psd"), lambda _: PHOTOS),
    ((".db", ".sqlite", ".sqlite3"), _database),
    ((".rds", ".rdata", ".rda"), lambda _: "Save it from R as a .csv file."),
    ((".zip",), partial(_archive, "zipfile")),
    ((".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz"), partial(_archive, "tarfile")),
    ((".gz",), _packed),
    (IMAGES, _picture),
    (
        (".pdf", ".doc", ".docx", ".odt", ".rtf", ".epub"),
        lambda _: "Save what it says as plain text, a sentence a line, in a .txt file.",
    ),
    (
        (".mp4", ".mov", ".avi", ".mkv", ".webm"),
        lambda _: "Save its frames as images, and give their folder.",
    ),
    (
        (".wav", ".mp3", ".flac", ".ogg", ".m4a"),
        lambda _: (
            "Cut it into pieces of one length, and save these as an array of shape (pieces, "
            "length): numpy.save."
        ),
    ),
)
