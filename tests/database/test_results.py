"""The shortcuts through PyMySQL's reading of results."""

import pytest
from pymysql import connections
from pymysql.protocol import MysqlPacket
from sqlalchemy import bindparam, func, select, text

from application.database.results import read_value
from tests.support.databases import engines_of, mysql_only


@mysql_only
@pytest.mark.parametrize("length", [0, 1, 250, 251, 252, 255, 256, 65_535, 65_536])
def test_a_value_of_any_length_is_read(app, length):
    assert MysqlPacket.read_length_coded_string is read_value
    repeated = select(func.repeat("a", length), text("NULL"), func.repeat("é", length))
    with engines_of(app)[1].connect() as connection:
        assert connection.execute(repeated).one() == ("a" * length, None, "é" * length)


@mysql_only
def test_columns_that_were_described_before_are_not_parsed_again(app):
    """Fails if PyMySQL no longer finds the class under the name that is replaced."""
    described = connections.FieldDescriptorPacket.cache_info
    numbers = select(bindparam("one").label("one"), bindparam("two").label("two"))
    with engines_of(app)[1].connect() as connection:
        assert connection.execute(numbers, {"one": 1, "two": "b"}).one() == (1, "b")
        before = described()
        assert connection.execute(numbers, {"one": 3, "two": "d"}).one() == (3, "d")
    assert described().hits == before.hits + 2
    assert described().misses == before.misses


@mysql_only
def test_columns_of_the_same_name_are_told_apart_by_their_types(app):
    with engines_of(app)[1].connect() as connection:
        for value in [1, "1", 1, "1"]:
            assert connection.scalar(text(f"SELECT {value!r} AS same")) == value


@pytest.mark.parametrize("packet", [b"\x05abc", b"\xfc\x05\x00abc"])
def test_a_value_that_is_cut_off_is_refused(packet):
    with pytest.raises(AssertionError, match="Actual=3"):
        MysqlPacket(packet, "utf8").read_length_coded_string()
