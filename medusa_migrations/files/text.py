"""The text of a file: its bytes, its encoding and its line ends."""

from __future__ import annotations

import codecs
import errno
import os
import stat
from pathlib import Path

from medusa_migrations.errors import FileError, locate
from medusa_migrations.messages import N_

# Bytes: more than most migrations have.
_SHORT = 65536


def read(path: Path | str) -> bytes:
    """The content of a file. Raises OSError, also for a pipe or a device, which might never end or never begin."""
    # A check reads thousands: a file object would take as long again.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return _short(descriptor) or _plain(descriptor, path)
    finally:
        os.close(descriptor)


def _short(descriptor: int) -> bytes:
    """What a short file has, else nothing: of thousands, to ask first what each is takes a tenth of the time."""
    try:
        size = os.lseek(descriptor, 0, os.SEEK_END)  # a pipe and a terminal have no end, and a device is empty
        data = os.pread(descriptor, size + 1, 0) if size < _SHORT else b""
    except OSError:  # `_plain` says why
        return b""
    return data if len(data) == size else b""


def _plain(descriptor: int, path: Path | str) -> bytes:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, N_("it is no plain file"), str(path))
    os.lseek(descriptor, 0, os.SEEK_SET)
    data = os.read(descriptor, found.st_size + 1)
    while len(data) < found.st_size and (more := os.read(descriptor, found.st_size)):
        data += more
    return data


def put(path: Path, data: bytes) -> None:
    """Give `path` the content `data` in one step, on the disk before it has the name."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)  # of a process that had the same number
    try:
        with temporary.open("xb") as file:  # which follows no link that somebody has put there
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def decode(data: bytes, path: str) -> str:
    """The text of a file from its bytes: UTF-8, without a byte order mark, with LF line ends; `path` is for messages.

    A file whose only line ends are CR gets LF too; a CR inside other lines is data and stays.
    Raises FileError for another encoding and for NUL, which PostgreSQL cannot take.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise FileError(N_("the file is UTF-16"), path, N_("Save it as UTF-8."))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FileError(
            N_(
                "the file is not UTF-8 (line {line}, byte {offset}: 0x{byte:02x})",
                line=line,
                offset=error.start,
                byte=error.object[error.start],
            ),
            path,
            N_("Save it as UTF-8."),
        ) from None
    text = text.replace("\r\n", "\n")
    if "\r" in text and "\n" not in text:
        text = text.replace("\r", "\n")
    if "\0" in text:
        raise FileError(
            N_("NUL character"), locate(path, text, text.index("\0")), N_("Take it out: PostgreSQL cannot store it.")
        )
    return text
