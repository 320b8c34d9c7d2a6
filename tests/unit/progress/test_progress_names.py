"""Taking vertex names apart."""

import pytest

from pdbuild.progress.names import StepName, brief, prefixed_target, split_name


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("[cpu internal] load build definition from Containerfile", "cpu"),
        ("[internal] load build definition from Containerfile", ""),
        ("[linux/arm64 internal] load metadata for base", ""),
        ("[context base internal] load metadata for base", ""),
        ("[dev 1/3] RUN [cpu internal] x", ""),
    ],
)
def test_the_target_that_starts(name: str, target: str) -> None:
    assert prefixed_target(name) == target


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("[cpu dev  2/12] RUN x", StepName("cpu", "", "dev", 2, 12, "", "RUN x")),
        ("[cpu 1/3] COPY a b", StepName("cpu", "", "", 1, 3, "", "COPY a b")),
        (
            "[cpu linux/amd64->arm64 dev 1/2] RUN x",
            StepName("cpu", "linux/amd64->arm64", "dev", 1, 2, "", "RUN x"),
        ),
        (
            "[cpu linux/arm64 internal] load metadata",
            StepName("cpu", "linux/arm64", kind="internal", text="load metadata"),
        ),
        ("[cpu context base] OCI load", StepName("cpu", kind="context base", text="OCI load")),
        ("[cpu] exporting layers", StepName("cpu", text="exporting layers")),
        ("[internal] load bake file", StepName("", kind="internal", text="load bake file")),
        ("resolving provenance", StepName("", text="resolving provenance")),
    ],
)
def test_names_of_several_targets(name: str, parts: StepName) -> None:
    assert split_name(name, prefixed=True) == parts


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("[dev 2/12] RUN x", StepName("one", "", "dev", 2, 12, "", "RUN x")),
        ("[2/3] RUN x", StepName("one", "", "", 2, 3, "", "RUN x")),
        ("[linux/386 2/3] RUN x", StepName("one", "linux/386", "", 2, 3, "", "RUN x")),
        ("[context base] OCI load", StepName("one", kind="context base", text="OCI load")),
        ("exporting layers", StepName("one", text="exporting layers")),
    ],
)
def test_names_of_one_target(name: str, parts: StepName) -> None:
    assert split_name(name, prefixed=False, only="one") == parts


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("RUN make  all", "RUN make all"),
        ("RUN --mount=type=cache,target=/c --network=none make", "RUN make"),
        ('RUN --mount=type=bind,"source=a b",target=/c make', "RUN make"),
        ('RUN ["bash", "-euo", "pipefail", "-c", "make &&\\n echo [1]"]', "RUN make && echo [1]"),
        ('RUN ["/hooks/build", "cpu"]', "RUN /hooks/build cpu"),
        ("RUN [ -e /a ]", "RUN [ -e /a ]"),
        ("RUN [bash, -c", "RUN [bash, -c"),
        ("RUN --help", "RUN --help"),
        ("COPY --from=a /b /c", "COPY --from=a /b /c"),
        ("WORKDIR /w", "WORKDIR /w"),
    ],
)
def test_brief(text: str, short: str) -> None:
    assert brief(text) == short
