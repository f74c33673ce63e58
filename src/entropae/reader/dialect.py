"""How a table is written as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, get_args, get_type_hints

from entropae.messages import unknown


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How a table is written as text; what is `None` is found out from the file.

    Args:
        separator: Of the columns: one character; a space stands for any number of them.
        quote: Around texts that hold separators, doubled within; `""` for none.
        encoding: As Python calls it, such as `"utf-8"` or `"cp1252"`.
        header: Whether the first row has the columns' names. If not, they are called 1, 2, ….
        units: Whether a line of units follows the names.
        skip: How many lines before the names, or before the data if there are none, to leave out.
        comment: What a line begins with that is left out; `""` for nothing.
        decimal: `"."` or `","`.
        thousands: What groups the digits of whole numbers; `""` for nothing.
        day_first: Whether 03/04/2020 is in April.

    Raises:
        ValueError: If one of them is not possible.

    Examples:
        >>> Dialect(separator=";", decimal=",").given()
        {'separator': ';', 'decimal': ','}
    """

    separator: str | None = None
    quote: str | None = None
    encoding: str | None = None
    header: bool | None = None
    units: bool | None = None
    skip: int | None = None
    comment: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    day_first: bool | None = None

    def __post_init__(self) -> None:
        if self.separator is not None and (len(self.separator) != 1 or self.separator in '\r\n"'):
            raise ValueError(
                f"`separator` must be one character, and no quote: got {self.separator!r}."
            )
        if self.quote is not None and (len(self.quote) > 1 or self.quote == self.separator):
            raise ValueError(
                "`quote` must be one character other than the separator, or '' for none: got "
                f"{self.quote!r}."
            )
        if self.decimal not in (None, ".", ","):
            raise ValueError(f"`decimal` must be '.' or ',': got {self.decimal!r}.")
        if self.thousands and (len(self.thousands) > 1 or self.thousands == self.decimal):
            raise ValueError(
                "`thousands` must be one character other than the decimal one, or '' for none: "
                f"got {self.thousands!r}."
            )
        if self.skip is not None and self.skip < 0:
            raise ValueError(f"`skip` must be at least 0: got {self.skip}.")
        try:
            b" ".decode(self.encoding or "utf-8", "ignore")
        except (LookupError, UnicodeError) as error:
            raise ValueError(
                f"Unknown `encoding` {self.encoding!r}: give utf-8, utf-16, cp1252 or another that "
                "Python knows."
            ) from error

    def given(self) -> dict[str, Any]:
        """What is not left to be found out."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


def dialect_of(settings: Mapping[str, Any]) -> Dialect | None:
    """The dialect of a recipe; `None` if it has no settings.

    Raises:
        ValueError: If one is unknown, or is not possible.
    """
    kinds = get_type_hints(Dialect)
    for name, value in settings.items():
        if name not in kinds:
            raise ValueError(unknown("setting", f"dialect.{name}", [f"dialect.{k}" for k in kinds]))
        if type(value) not in get_args(kinds[name]):
            raise ValueError(f"`dialect.{name}` must be {kinds[name]}: got {value!r}.")
    return Dialect(**settings) if settings else None


NAMED = {
    " ": "spaces",
    "\t": "tab",
    "\u00a0": "no-break spaces",
    "\u202f": "no-break spaces",
    "\u2009": "thin spaces",
}


def shown(character: str) -> str:
    """A character in a message."""
    return NAMED.get(character, repr(character))
