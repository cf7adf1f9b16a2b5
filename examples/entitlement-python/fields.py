"""Reading requests: each field has its type and its bounds, and what is wrong is named."""

import datetime
import re

from problems import invalid

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
MICROSECOND = datetime.timedelta(microseconds=1)
RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
NAME = re.compile(r"[A-Za-z0-9._~-]+")


def text(body, field, most, pattern=None):
    value = body.get(field)
    if not isinstance(value, str) or not 1 <= len(value) <= most or (pattern and not pattern.fullmatch(value)):
        raise invalid(field, f"{field} is a text of 1 to {most} characters" + (", URL-safe" if pattern else ""))
    return value


def identifier(body, field):
    return text(body, field, 128, NAME)


def number(body, field, least, most):
    value = body.get(field)
    if type(value) is not int or not least <= value <= most:
        raise invalid(field, f"{field} is a whole number of {least} to {most}")
    return value


def flag(body, field):
    if not isinstance(body.get(field), bool):
        raise invalid(field, f"{field} is true or false")
    return body[field]


def texts(body, field):
    value = body.get(field)
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise invalid(field, f"{field} is a list of texts")
    return value


def part(body, field):
    if not isinstance(body.get(field), dict):
        raise invalid(field, f"{field} is an object")
    return body[field]


def instant(body, field):
    """Microseconds since 1970 of an RFC 3339 time."""
    value = body.get(field)
    try:
        if not RFC3339.fullmatch(value):
            raise ValueError
        return (datetime.datetime.fromisoformat(value) - EPOCH) // MICROSECOND
    except (TypeError, ValueError):
        raise invalid(field, f"{field} is a time such as 2026-01-15T12:00:00Z") from None


def optional(body, field, read):
    return None if body.get(field) is None else read(body, field)


def shown(micros):
    """An instant as it travels."""
    return (EPOCH + micros * MICROSECOND).isoformat().replace("+00:00", "Z")
