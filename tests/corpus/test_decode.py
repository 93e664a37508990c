"""Bytes of sources as text."""

from __future__ import annotations

import codecs

import pytest

from kdray.corpus.decode import java_text, python_text
from kdray.errors import DataError

SOURCE = 'x = "café"\n'


@pytest.mark.parametrize(
    "data",
    [
        SOURCE.encode(),
        codecs.BOM_UTF8 + SOURCE.encode(),
        SOURCE.encode("utf-16"),
        b"# -*- coding: latin-1 -*-\n" + SOURCE.encode("latin-1"),
        b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n" + SOURCE.encode("cp1252"),
        SOURCE.replace("\n", "\r\n").encode(),
    ],
)
def test_python_is_read_as_python_reads_it(data):
    assert python_text(data).endswith(SOURCE)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (SOURCE.encode("latin-1"), "encoding: "),
        (b"# coding: klingon\n", "encoding: unknown encoding"),
        (b"# coding: shift_jis\nx = '\x81'\n", "encoding: no shift_jis"),
        (b"\xff\xfe\x00", "encoding: no utf-16"),
    ],
)
def test_python_in_no_encoding_is_refused(data, said):
    with pytest.raises(DataError, match=said):
        python_text(data)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252"])
def test_java_tells_its_encoding_by_its_bytes(encoding):
    assert java_text(SOURCE.encode(encoding)) == SOURCE


def test_a_line_of_java_ends_as_the_language_says():
    assert java_text(b"a // b\rc\r\nd\n") == "a // b\nc\nd\n"


def test_java_is_read_as_its_build_declares():
    assert java_text('String s = "привет";'.encode("koi8-r"), "KOI8-R") == 'String s = "привет";'
    assert java_text(SOURCE.encode(), "ISO-8859-1") == SOURCE
    assert java_text(SOURCE.encode("latin-1"), "no such encoding") == SOURCE


@pytest.mark.parametrize(
    "data",
    [
        "привет всем".encode("koi8-r"),
        "日本語です".encode("shift_jis"),
        "中".encode("gbk"),
        b"\x81",
        b"\xff\xfe\x00",
        b"a\xd7\xf7\xd7\xf7b",
    ],
)
def test_java_in_no_encoding_that_can_be_told_is_refused(data):
    with pytest.raises(DataError, match="encoding: no "):
        java_text(data)
