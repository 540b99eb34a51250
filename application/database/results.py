"""Reading PyMySQL's results faster: it parses every value of every row in Python.

This saves a sixth of the instructions of showing an order, and a tenth of an add's.
"""

from datetime import datetime
from functools import lru_cache
from typing import Any

from pymysql import connections
from pymysql.protocol import FieldDescriptorPacket, MysqlPacket

SHORT = 250  # bytes, of the longest value whose length is a single byte; 251 stands for NULL

read_any_value: Any = MysqlPacket.read_length_coded_string


def read_value(packet: Any) -> Any:
    """Return a packet's next value, and go on behind it; most values are short."""
    data, begin = packet._data, packet._position + 1
    length = data[begin - 1]
    end = begin + length
    if length > SHORT or end > len(data):
        return read_any_value(packet)
    packet._position = end
    return data[begin:end]


MysqlPacket.read_length_coded_string = read_value  # type: ignore[method-assign]
# Each result describes its columns, the same statement's in the same bytes.
connections.FieldDescriptorPacket = lru_cache(512)(FieldDescriptorPacket)  # type: ignore[attr-defined]


@lru_cache(256)  # an order's times are repeated in the row of each of its lines
def parse_datetime(text: str) -> datetime | None:
    """Parse a DATETIME; a zero date, which MySQL may hold, is None."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
