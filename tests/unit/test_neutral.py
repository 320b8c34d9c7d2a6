"""pdbuild knows no project: the example's options, variants and name stand in its recipe alone."""

import io
import re
import subprocess
import tokenize
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
WORDS = re.compile(r"paddle|(?<![a-z])(with_)?(gpu|avx)(?![a-z])|noavx|with_testing", re.IGNORECASE)
_LAYOUT = {tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING}


def files() -> list[Path]:
    """All that runs, but for the block of one vendor's compiler, the names of CPUs' features, what
    finds out about this machine's, what clusters are asked for, and what `init` guesses by.
    """
    listed = subprocess.run(
        ["git", "-C", str(CHECKOUT), "ls-files", "-co", "--exclude-standard", "pdbuild", "hooks"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    own = (
        "hooks/check/nvcc", "hooks/install/nvcc", "pdbuild/engine/module/", "pdbuild/survey/",
        "pdbuild/recipe/features.py", "pdbuild/fitting/", "pdbuild/jobs/",
        "pdbuild/doctor/accelerators.py",
    )  # fmt: skip
    return [CHECKOUT / name for name in listed if not name.startswith(own)]


def code(path: Path, text: str) -> list[str]:
    """The file without comments and docstrings, which may explain by example."""
    if path.suffix != ".py":
        return [line for line in text.splitlines() if not line.lstrip().startswith(("#", "//"))]
    words, before = [], tokenize.ENCODING
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        docstring = token.type == tokenize.STRING and before in _LAYOUT
        if token.type != tokenize.COMMENT and not docstring:
            words.append(token.string)
        if token.type != tokenize.COMMENT:
            before = token.type
    return words


def test_no_option_or_variant_of_the_example_is_known() -> None:
    found = [
        f"{path.relative_to(CHECKOUT)}: {part.strip()}"
        for path in files()
        if path.is_file()
        for part in code(path, path.read_text())
        if WORDS.search(part)
    ]
    assert found == []


def test_the_search_finds_what_it_looks_for() -> None:
    assert len(files()) > 60
    hits = ("-DWITH_GPU=ON", '"AVX"', "image-gpu-noavx", "nvidia.com/gpu", "libpaddle", "NOAVX=1")
    for word in hits:
        assert WORDS.search(word), word
        assert any(map(WORDS.search, code(Path("x.py"), f'"""Paddle."""\nx = {word!r}  # gpu\n')))
        assert any(map(WORDS.search, code(Path("x"), f"# gpu\necho {word}\n")))
    assert not WORDS.search("padding; saving; avxyz; gpus_")
    assert not any(map(WORDS.search, code(Path("x.py"), '"""GPU."""\n# avx\nx = 1\n')))
