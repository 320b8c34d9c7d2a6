"""What a first recipe says of a project that says nothing of itself."""

from pathlib import Path

from pdbuild import proposal


def test_its_package_is_not_described_by_its_name_and_claims_are_offered(tmp_path: Path) -> None:
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.25)\nproject(clock C)\nadd_executable(clock clock.c)\n"
        "install(TARGETS clock)\n"
    )
    (tmp_path / "clock.c").write_text("int main(void) { return 0; }\n")
    path, _ = proposal.write(tmp_path, run=False)
    text = path.read_text()
    assert 'description = "programs of the project ' in text
    assert "\n# [verify]    # with it" in text
