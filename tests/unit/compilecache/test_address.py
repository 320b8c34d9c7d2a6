"""Addresses of remote compile caches."""

import pytest

from pdbuild.compilecache import address
from pdbuild.compilecache.address import Address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("redis://cache", Address(text="redis://cache", host="cache", port=6379)),
        (
            "redis://me:pa%40ss@cache.example.org:7000/2|read-only|connect-timeout=50",
            Address(
                text="redis://me:pa%40ss@cache.example.org:7000/2",
                attributes=("read-only", "connect-timeout=50"),
                host="cache.example.org",
                port=7000,
            ),
        ),
        ("redis://:word@a", Address(text="redis://word@a", host="a", port=6379)),
        ("http://[::1]/a/b", Address(text="http://[::1]/a/b", host="::1", port=80)),
        ("file:/srv/my cache", Address(text="file:/srv/my cache", folder="/srv/my cache")),
        ("file:///srv", Address(text="file:///srv", folder="/srv")),
    ],
)
def test_what_ccache_takes(text: str, expected: Address) -> None:
    assert address.parse(text) == expected
    assert address.problem(text) is None


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("https://cache/x", "ccache speaks no TLS"),
        ("redis://", "not the address of a compile cache"),
        ("redis://cache:0", "not the address of a compile cache"),
        ("redis://cache:99999", "not the address of a compile cache"),
        ("redis://a b", "not the address of a compile cache"),
        ("redis://a\nlog_file = /x", "not the address of a compile cache"),
        ("file:relative", "not the address of a compile cache"),
        ("/srv/cache", "not the address of a compile cache"),
        ("redis://cache|READ ONLY", "'READ ONLY' is no attribute of ccache's"),
        ("redis://cache|a=b\nlog_file = /x", "'a=b\\nlog_file = /x' is no attribute of ccache's"),
        ("file:/srv|layout=flat", "a folder has no attribute layout=flat"),
    ],
)
def test_what_it_does_not(text: str, what: str) -> None:
    found = address.problem(text)
    assert found and found[0] == what and found[1]


def test_passwords_are_not_shown() -> None:
    assert address.parse("redis://me:word@cache").shown == "redis://cache"
    assert address.shown("https://me:word@cache|bearer-token=word|x") == (
        "https://cache|bearer-token=…|x"
    )


def test_only_reading_is_said_once() -> None:
    found = address.parse("redis://cache")
    assert not found.read_only
    assert found.only_read().attributes == ("read-only",)
    assert found.only_read().only_read() == found.only_read()
    assert address.parse("redis://cache|read-only=true").read_only


def test_a_dollar_is_no_variable_to_ccache() -> None:
    found = address.parse("http://me:pa$s@cache|read-only")
    assert found.configuration() == "remote_storage = http://me:pa$$s@cache|read-only\n"
