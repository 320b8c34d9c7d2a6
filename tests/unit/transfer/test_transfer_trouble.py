"""What skopeo says becomes one sentence with what to do."""

import pytest

from pdbuild.transfer.trouble import explained

HOST = "registry.example.org"


@pytest.mark.parametrize(
    ("said", "what", "again"),
    [
        ("dial tcp 127.0.0.1:1: connect: connection refused", "cannot be reached", True),
        ("dial tcp: lookup registry.example.org: no such host", "cannot be reached", True),
        ("http: server gave HTTP response to HTTPS client", "speaks plain http", False),
        ("x509: certificate signed by unknown authority", "cannot be trusted", False),
        ('writing blob: Patch \\"https://x\\": EOF', "closed the connection half way", True),
        ("read: connection reset by peer", "closed the connection half way", True),
        ("reading JSON file: open /run/x/auth.json: permission denied", "cannot be read", False),
        ("unauthorized: authentication required", "does not know you", False),
        ("denied: requested access to the resource is denied", "does not allow you that", False),
        ("toomanyrequests: slow down", "takes no more requests for now", False),
        ("received unexpected HTTP status: 507 Insufficient Storage", "no space left", False),
        ("received unexpected HTTP status: 500 Internal Server Error", "failed by itself", True),
        ("manifest unknown: manifest unknown", "has no such image", False),
        ("Digest did not match, expected sha256:1, got sha256:2", "other bytes", False),
        ("something that nobody has seen", "the transfer with", False),
    ],
)
def test_each_has_its_sentence(said: str, what: str, again: bool) -> None:
    text = f'time="2026-01-01T00:00:00Z" level=fatal msg="writing: {said}"\n'
    trouble, words = explained(HOST, f"Copying blob\n{text}")
    assert what in trouble.what and HOST in trouble.what
    assert trouble.again == again
    assert words == f"writing: {said}".replace('\\"', '"')
    assert "{" not in trouble.what + trouble.hint


def test_a_name_is_no_reason() -> None:
    said = f"reading manifest 429 in {HOST}/denied/x509: manifest unknown: manifest unknown"
    trouble, _ = explained(HOST, f'level=fatal msg="{said}"')
    assert trouble.what == f"{HOST} has no such image"
