"""Each folder of tests/errors is a recipe with mistakes and the messages that it gives."""

from pathlib import Path

import pytest

from pdbuild.errors import RecipeError
from pdbuild.recipe.load import load

TESTS = Path(__file__).parents[2]
CASES = sorted(path.name for path in (TESTS / "errors").iterdir() if path.is_dir())


def messages(error: RecipeError) -> str:
    text = ""
    for mistake in error.mistakes:
        text += f"error: {mistake}\n"
        text += f"  hint: {mistake.hint}\n" if mistake.hint else ""
    return text


@pytest.mark.parametrize("case", CASES)
def test_messages(
    case: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    folder = TESTS / "errors" / case
    monkeypatch.chdir(folder)
    path = next(
        path for path in (Path("recipe.toml"), Path("recipes/recipe.toml")) if path.exists()
    )
    with pytest.raises(RecipeError) as caught:
        load(path, blocks_dir=TESTS.parent / "recipes" / "toolchain")
    seen = messages(caught.value).replace(str(folder), "CASE")
    if request.config.getoption("--update-golden"):
        Path("stderr.txt").write_text(seen)
    assert seen == Path("stderr.txt").read_text()
    assert all(ord(character) >= 32 or character == "\n" for character in seen)
