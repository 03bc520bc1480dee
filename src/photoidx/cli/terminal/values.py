"""Values of an Arrow column as Python values; what Python can't hold, as a date in the year 20000, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_DAY_S = 24 * 60 * 60
_ERA_DAYS, _ERA_YEARS = 146_097, 400  # after which the Gregorian calendar repeats
_DAYS_TO_1970 = 719_468  # from the first of March of the year 0
_ENDLESS_DAY, _ENDLESS = 2**31 - 1, 2**63 - 1  # DuckDB's infinity; with a minus before it, its -infinity


def values_of(column: pa.ChunkedArray) -> list[Any]:
    """Return a column's values."""
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError):
        return [_value(scalar) for scalar in column]


def _value(scalar: pa.Scalar) -> Any:  # noqa: PLR0911 - one line for each kind of value
    import pyarrow as pa

    if not scalar.is_valid:
        return None
    if isinstance(scalar, pa.MapScalar):
        return [(_value(pair["key"]), _value(pair["value"])) for pair in scalar.values]
    if isinstance(scalar, (pa.ListScalar, pa.LargeListScalar, pa.FixedSizeListScalar)):
        return [_value(item) for item in scalar.values]
    if isinstance(scalar, pa.StructScalar):
        return {name: _value(scalar[name]) for name in scalar}
    if isinstance(scalar, (pa.UnionScalar, pa.DictionaryScalar)):
        return _value(scalar.value)
    try:
        return scalar.as_py()
    except (ValueError, OverflowError):
        if isinstance(scalar, pa.Date32Scalar):
            return _endless(scalar.value, _ENDLESS_DAY) or day(scalar.value)
        if isinstance(scalar, pa.TimestampScalar):
            zone = "+00:00" if scalar.type.tz else ""
            return _endless(scalar.value, _ENDLESS) or f"{moment(scalar.value, scalar.type.unit)}{zone}"
        return str(scalar)


def _endless(value: int, most: int) -> str | None:
    return {most: "infinity", -most: "-infinity"}.get(value)


def day(days: int) -> str:
    """Spell a day, counted from 1970-01-01, by the Gregorian calendar: `20000-01-01`; a year before 1 is negative.

    Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": civil_from_days.
    """
    era, of_era = divmod(days + _DAYS_TO_1970, _ERA_DAYS)
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    date = of_year - (153 * month + 2) // 5 + 1
    month += 3 if month < 10 else -9  # noqa: PLR2004 - years begin in March here
    year += era * _ERA_YEARS + (month <= 2)  # noqa: PLR2004 - January and February are of the next
    return f"{'-' * (year < 0)}{abs(year):04d}-{month:02d}-{date:02d}"


def moment(value: int, unit: str) -> str:
    """Spell a time, counted from 1970 in s, ms, us or ns: `20000-01-01 12:00:00.5`."""
    seconds, part = divmod(value, _PER_SECOND[unit])
    days, second = divmod(seconds, _DAY_S)
    digits = len(str(_PER_SECOND[unit])) - 1
    rest = f".{part:0{digits}d}".rstrip("0") if part else ""
    return f"{day(days)} {second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}{rest}"
