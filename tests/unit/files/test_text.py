"""From the bytes of a file to its text."""

from __future__ import annotations

import codecs
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medusa_migrations.errors import FileError
from medusa_migrations.files.sqlfile import parse
from medusa_migrations.files.text import decode, read
from tests.support.sql_files import PATH


class TestDecode:
    TEXT = "-- migrate:up\nSELECT 'é';\n-- migrate:down\n"

    def decoded(self, data: bytes) -> str:
        return decode(data, PATH)

    def refusal(self, data: bytes) -> str:
        with pytest.raises(FileError) as caught:
            decode(data, PATH)
        return str(caught.value)

    def test_utf_8(self) -> None:
        assert self.decoded(self.TEXT.encode()) == self.TEXT

    def test_an_empty_file(self) -> None:
        assert self.decoded(b"") == ""
        assert self.decoded(codecs.BOM_UTF8) == ""

    def test_a_byte_order_mark_is_no_text(self) -> None:
        assert self.decoded(codecs.BOM_UTF8 + self.TEXT.encode()) == self.TEXT

    @pytest.mark.parametrize("line_end", ["\r\n", "\r"], ids=["CRLF", "CR"])
    def test_line_ends_become_lf(self, line_end: str) -> None:
        assert self.decoded(self.TEXT.replace("\n", line_end).encode()) == self.TEXT

    def test_a_cr_in_a_line_stays(self) -> None:
        assert self.decoded(b"a\rb\r\nc\n") == "a\rb\nc\n"

    def test_line_ends_and_a_byte_order_mark_make_no_difference_to_the_checksum(self) -> None:
        text = "-- migrate:up\nDO $$\nBEGIN\nEND\n$$;\nCOPY t FROM stdin;\n1\n\\.\n-- migrate:down\nb;\n"
        forms = [
            text.encode(),
            codecs.BOM_UTF8 + text.encode(),
            text.replace("\n", "\r\n").encode(),
            codecs.BOM_UTF8 + text.replace("\n", "\r\n").encode(),
            text.replace("\n", "\r").encode(),
        ]
        assert len({parse(self.decoded(form), PATH).checksum for form in forms}) == 1

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
    def test_utf_16(self, encoding: str) -> None:
        mark = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}.get(encoding, b"")
        message = self.refusal(mark + self.TEXT.encode(encoding))
        assert message == f"{PATH}: the file is UTF-16\nSave it as UTF-8."

    @pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8], ids=["plain", "with a byte order mark"])
    def test_other_encodings_name_line_and_byte(self, mark: bytes) -> None:
        message = self.refusal(mark + self.TEXT.encode("latin-1"))
        assert message.startswith(f"{PATH}: the file is not UTF-8 (line 2, byte ")
        assert message.endswith(": 0xe9)\nSave it as UTF-8.")

    def test_half_a_character_at_the_end(self) -> None:
        assert "not UTF-8 (line 2, byte 2: 0xc3)" in self.refusal(b"a\n\xc3")

    def test_nul(self) -> None:
        message = self.refusal(b"-- migrate:up\r\nSELECT 'a\0b';")
        assert message.startswith(f"{PATH}:2:10: NUL character")
        assert "Take it out" in message

    @settings(max_examples=200)
    @given(st.binary(max_size=50))
    def test_any_bytes_are_text_or_refused(self, data: bytes) -> None:
        try:
            text = decode(data, PATH)
        except FileError:
            return
        assert "\0" not in text
        assert "\r\n" not in text.replace("\r\r\n", "")


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 200_000])
def test_a_file_is_read_whatever_its_size(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * (size // 256) + b"x" * (size % 256))
    assert read(path) == path.read_bytes()


@pytest.mark.parametrize("written", [b"", b"SELECT 1;", b"x" * 65_536], ids=len)
def test_a_pipe_is_refused_whatever_waits_in_it(tmp_path: Path, written: bytes) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = os.open(path, os.O_RDWR)
    try:
        os.write(writer, written)
        with pytest.raises(OSError, match="it is no plain file"):
            read(path)
    finally:
        os.close(writer)


@pytest.mark.parametrize("path", ["/dev/null", "/dev/zero", "/"])
def test_a_device_and_a_folder_are_refused(path: str) -> None:
    with pytest.raises(OSError, match="it is no plain file"):
        read(path)


def test_a_pipe_whose_writer_has_gone_is_refused_and_keeps_what_it_has() -> None:
    reader, writer = os.pipe()
    try:
        os.write(writer, b"SELECT 1;")
        os.close(writer)
        with pytest.raises(OSError, match="it is no plain file"):
            read(f"/dev/fd/{reader}")
        assert os.read(reader, 100) == b"SELECT 1;"
    finally:
        os.close(reader)
