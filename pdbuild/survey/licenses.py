"""Which licence a project's text is, for the common ones."""

import re
from pathlib import Path

_FILES = ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "COPYING", "COPYING.md", "COPYING.txt",
          "LICENSE-2.0.txt")  # fmt: skip
#: SPDX identifiers by words that stand in the text, the most particular first.
_WORDS = (
    ("AGPL-3.0-only", ("gnu affero general public license", "version 3")),
    ("LGPL-3.0-only", ("gnu lesser general public license", "version 3")),
    ("LGPL-2.1-only", ("gnu lesser general public license", "version 2.1")),
    ("GPL-3.0-only", ("gnu general public license", "version 3, 29 june")),
    ("GPL-2.0-only", ("gnu general public license", "version 2, june")),
    ("Apache-2.0", ("apache license", "version 2.0")),
    ("MPL-2.0", ("mozilla public license", "version 2.0")),
    ("BSL-1.0", ("boost software license",)),
    ("ISC", ("permission to use, copy, modify, and/or distribute this software for any purpose",)),
    ("Zlib", ("altered source versions must be plainly marked",)),
    ("BSD-3-Clause", ("redistributions in binary form must", "endorse or promote products")),
    ("BSD-2-Clause", ("redistributions in binary form must",)),
    ("MIT", ("permission is hereby granted, free of charge",)),
)


def identifier(folder: Path) -> str:
    """The SPDX identifier of the project's licence; "" when the text is not a common one."""
    for name in _FILES:
        path = folder / name
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")[:20_000].lower()
            text = re.sub(r"\s+", " ", text)
            for spdx, words in _WORDS:
                if all(word in text for word in words):
                    return spdx
    return ""
