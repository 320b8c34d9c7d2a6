"""The API as this test's own parts use it: JSON over HTTPS."""

import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any


class Refused(Exception):  # noqa: N818
    """The API said no; the code is HTTP's."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """A server, and who is asking."""

    url: str
    token: str

    def get(self, path: str) -> dict[str, Any]:
        return self._asked("GET", path)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._asked("POST", path, body)

    def patch(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._asked("PATCH", path, body, "application/merge-patch+json")

    def delete(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return self._asked("DELETE", path, body)

    def _asked(
        self, method: str, path: str, body: dict[str, Any] | None = None,
        kind: str = "application/json",
    ) -> dict[str, Any]:  # fmt: skip
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, data=data, method=method)
        request.add_header("Authorization", f"Bearer {self.token}")
        request.add_header("Content-Type", kind)
        # The certificate is of this minute, and on this machine.
        trusting = ssl._create_unverified_context()
        try:
            with urllib.request.urlopen(request, context=trusting, timeout=30) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                raise Refused(error.code, error.read().decode(errors="replace")) from None
        return json.loads(text) if text.startswith(b"{") else {"text": text.decode()}
