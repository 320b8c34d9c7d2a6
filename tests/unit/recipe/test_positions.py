"""Lines of keys."""

from pdbuild.recipe.positions import line_of, lines

TEXT = """\
a.b = 1
[t]
"quoted \\u0041" = 2
in = { x = 1, y.z = [
  1, # one
  2,
] }
[[l]]
k = 1
[[l]]
k = 2
[l.m]
n = 3
[t2.'sub']
"""


def test_lines() -> None:
    found = lines(TEXT)
    assert found["a",] == found["a", "b"] == 1
    assert found["t",] == 2
    assert found["t", "quoted A"] == 3
    assert found["t", "in", "y", "z"] == 4
    assert (found["t", "in", "y", "z", 0], found["t", "in", "y", "z", 1]) == (5, 6)
    assert (found["l", 0, "k"], found["l", 1, "k"]) == (9, 11)
    assert found["l", 1, "m", "n"] == 13
    assert found["t2", "sub"] == 14


def test_the_nearest_table_stands_in() -> None:
    found = lines(TEXT)
    assert line_of(("t", "missing"), found) == 2
    assert line_of(("missing",), found) == 0
    assert line_of((), found) == 0


def test_text_that_is_not_toml_gives_what_it_can() -> None:
    assert lines("a = 1\n[b\nc = = 2\n")["a",] == 1
    assert lines("") == {}
