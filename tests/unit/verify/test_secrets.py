"""secrets: what tells of the builder is found in any layer, the history and the settings."""

from typing import Any

import pytest
from verify_bits import At, fails, holds, subject

from pdbuild.verify import secrets
from pdbuild.verify.subject import Builder

_BUILDER = Builder(
    secrets={
        "the folder /home/ann/thing": "/home/ann/thing",
        "the proxy of http_proxy": "ann:pass&word@proxy.example:3128",
        "a certificate of SSL_CERT_FILE": "MIIabc\nMIIdef",
    },
    user="ann",
    uid=1234,
)
_SOUND = {"/usr/bin/thing": b"#!/bin/sh\n"}
_KEY = b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + b"A" * 70 + b"\n-----END"


def made(*layers: dict[str, Any], **facts: Any) -> Any:
    return secrets.check(subject(*(layers or (_SOUND,)), builder=_BUILDER, **facts))


def test_a_sound_image() -> None:
    for words in ("tells of the machine", "no keys", "no variable", "belongs to who"):
        holds(made(texts=(b'{"history": []}',), config={"env": ("PATH=/usr/bin",)}), words)


def test_a_host_path_in_a_program() -> None:
    program = {"/usr/bin/thing": b"\x7fELF...\0/home/ann/thing/src/a.cc\0"}
    fails(made(program), "tells of the machine", "/usr/bin/thing: the folder /home/ann/thing")


def test_a_secret_that_an_upper_layer_removed() -> None:
    layers = (
        {"/root/.pip": b"proxy=http://ann:pass&word@proxy.example:3128"},
        {"/root/.wh..pip": b""},
    )
    fails(made(*layers), "tells of the machine", "/root/.pip: the proxy of http_proxy")


def test_a_certificate() -> None:
    fails(made({"/etc/ssl/own.pem": b"-----\nMIIabc\nMIIdef\n"}), "tells of the machine", "own.pem")


@pytest.mark.parametrize("escaped", [b"pass&word", b"pass\\u0026word"])
def test_a_proxy_in_the_history(escaped: bytes) -> None:
    text = b'{"history": [{"created_by": "RUN http_proxy=http://ann:%s@proxy.example:3128 apt"}]}'
    fails(made(texts=(text % escaped,)), "tells of the machine", "the image's configuration")


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"/etc/key": _KEY}, "/etc/key: looks like a key"),
        ({"/root/.netrc": b"x"}, "/root/.netrc"),
        ({"/home/u/.ssh/known_hosts": b"x"}, "/home/u/.ssh/known_hosts"),
        ({"/app/config": b"token = ghp_" + b"a" * 36}, "/app/config: looks like a key"),
    ],
)
def test_keys_and_credentials(files: dict[str, Any], told: str) -> None:
    fails(made(files), "no keys", told)


def test_a_key_in_the_configuration() -> None:
    fails(made(texts=(b"token ghp_" + b"b" * 36,)), "no keys", "the image's configuration")


@pytest.mark.parametrize("name", ["API_TOKEN", "DB_PASSWORD", "https_proxy"])
def test_a_variable_that_holds_a_secret(name: str) -> None:
    fails(made(config={"env": (f"{name}=x",)}), "no variable", f"{name} is set")


@pytest.mark.parametrize("at", [At(data=b"x", owner="ann"), At(data=b"x", uid=1234)])
def test_a_file_of_the_builder(at: At) -> None:
    fails(made({"/opt/thing": at}), "belongs to who", "/opt/thing: belongs to")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b'{"history": [{"created_by": "RUN cp /home/ann/x /x"}]}', True),
        (b'{"history": [{"author": "ann", "created_by": "x"}]}', True),
        (b'{"config": {"Env": ["LOGNAME=ann"]}}', True),
        (b'{"config": {"Cmd": ["ann"]}, "x": "ann@example.org, home/anne"}', False),
    ],
)
def test_who_built_it_is_named(text: bytes, told: bool) -> None:
    if told:
        fails(made(texts=(text,)), "tells of the machine", "configuration: the account ann")
    else:
        holds(made(texts=(text,)), "tells of the machine")
