"""`pdbuild build` on a warm tree, when what it compiles with has changed."""

from .project import Project

NOTE = "note: everything is compiled again, as this has changed: the environment"


def test_a_changed_environment_compiles_all_of_it(hello: Project) -> None:
    recipe = (hello.root / "pdbuild.toml").read_text()
    hello.succeeds("build")
    hello.written("pdbuild.toml", f'{recipe}\n[build]\nenvironment = {{ CXXFLAGS = "-DX" }}\n')
    try:
        done = hello.pdbuild("build")
        assert done.returncode == 0, done.stderr
        assert NOTE in done.stderr
        assert "Building CXX object" in done.stdout
        again = hello.pdbuild("build")
        assert again.returncode == 0 and NOTE not in again.stderr
        # In the development image every compiler and flag is a variable, too.
        done = hello.pdbuild("build", "--set", "launcher=none")
        assert done.returncode == 0 and NOTE in done.stderr
        assert "launcher=none" in done.stdout.lower()
    finally:
        hello.written("pdbuild.toml", recipe)
