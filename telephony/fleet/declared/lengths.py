"""Which numbers can be telephone numbers, a hundred thousand at a time.

Parsing one with `phonenumbers` takes about 30 µs. What it checks, apart from notation, is how many
digits the numbers of a country have; that is looked up once for each beginning here.
"""

from __future__ import annotations

from telephony import numbers
from telephony.errors import InvalidRequestError

_LONGEST_CODE = 4  # "+", and the digits of a country's calling code

_SPREADSHEET = "If a spreadsheet took the + off, format the column as text there."


class Lengths(dict[str, frozenset[int]]):
    """How long the numbers are that begin with these four characters."""

    def __missing__(self, beginning: str) -> frozenset[int]:
        found = self[beginning] = _lengths(beginning)
        return found


def problem(number: str, lengths: Lengths) -> str:
    """Return what is wrong with a number, or an empty text.

    Args:
        number: as it is written.
        lengths: what was looked up before.
    """
    if numbers.is_e164(number) and len(number) in lengths[number[:_LONGEST_CODE]]:
        return ""
    try:
        written = numbers.e164(number)
    except InvalidRequestError:
        said = f"{number[:40]!r} is not a telephone number in E.164 form, such as +14155550123."
        return f"{said} {_SPREADSHEET}" if number[:1].isdigit() else said
    return "" if written == number else f"{number[:40]!r} is not in E.164 form: write {written}."


def _lengths(beginning: str) -> frozenset[int]:
    import phonenumbers  # 30 ms, for who reads a file of numbers
    from phonenumbers import PhoneMetadata

    for digits in range(1, _LONGEST_CODE):
        code = int(beginning[1 : digits + 1])
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(code)
        if regions:
            metadata = PhoneMetadata.metadata_for_region_or_calling_code(code, regions[0])
            described = metadata and metadata.general_desc
            lengths = described.possible_length if described else ()
            return frozenset(1 + digits + length for length in lengths)
    return frozenset()
