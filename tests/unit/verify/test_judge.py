"""Images of a store are judged, what was found is remembered, and told in three ways."""

import dataclasses
import gzip
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from test_minimal import SOUND
from verify_bits import layer

from pdbuild import dirs
from pdbuild.oci import REFERENCE
from pdbuild.platforms import PLATFORMS
from pdbuild.recipe.tables.mirrors import Mirrors
from pdbuild.recipe.tables.verify import Cuda, Verify
from pdbuild.store import Store
from pdbuild.verify import builder, finding, judge, page, report
from pdbuild.verify.finding import ClaimsError, Finding, Judged, Verdict
from pdbuild.verify.judge import Case


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("PDBUILD_CACHE_DIR", str(tmp_path / "cache"))
    return Store(tmp_path / "images")


def stored(store: Store, files: dict[str, Any], name: str = "localhost/thing:1.0") -> Case:
    """The case of an image of these files, which the store has then."""
    blobs = store.path / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)

    def put(data: bytes, media: str) -> dict[str, Any]:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        kind = f"application/vnd.oci.image.{media}"
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(data)}

    def put_json(data: dict[str, Any], media: str) -> dict[str, Any]:
        return put(json.dumps(data).encode(), media)

    packed = put(gzip.compress(bytes(layer(files).tar), mtime=0), "layer.v1.tar+gzip")
    settings = {"Labels": {"org.opencontainers.image.version": "1.0"}, "Env": ["PATH=/usr/bin"]}
    config = put_json(
        {"os": "linux", "architecture": "amd64", "config": settings}, "config.v1+json"
    )
    manifest = put_json(
        {"schemaVersion": 2, "config": config, "layers": [packed]}, "manifest.v1+json"
    )
    index = {"schemaVersion": 2, "manifests": [manifest | {"annotations": {REFERENCE: name}}]}
    (store.path / "index.json").write_text(json.dumps(index))
    (store.path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    image = store.find(name)
    assert image
    return Case(image=image, project="thing", variant="plain", claims=Verify())


def test_a_sound_image_holds(store: Store) -> None:
    (judged,) = judge.judge(store, [stored(store, SOUND)])
    assert [f for f in judged.findings if f.verdict is Verdict.FAILS] == []
    assert {f.kind for f in judged.findings} == {"closure", "minimal", "version", "secrets"}
    report.refuse([judged])


def test_only_the_kinds_that_the_recipe_names(store: Store) -> None:
    case = dataclasses.replace(stored(store, SOUND), claims=Verify(claims=("secrets",)))
    (judged,) = judge.judge(store, [case])
    assert {f.kind for f in judged.findings} == {"secrets"}


def test_what_was_found_is_remembered(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    case = stored(store, SOUND | {"/usr/bin/gcc": b"x"})
    (first,) = judge.judge(store, [case])
    assert first.seconds > 0 and first.those(Verdict.FAILS)

    def unreachable(*_: object) -> None:
        raise AssertionError("an image was read that was judged before")

    monkeypatch.setattr(judge.content, "load", unreachable)
    (second,) = judge.judge(store, [case])
    assert second == dataclasses.replace(first, seconds=0.0)
    with pytest.raises(AssertionError, match="judged before"):
        judge.judge(store, [case], again=True)


@pytest.mark.parametrize("what", ["claims", "image", "version", "program", "deb"])
def test_what_decides_is_judged_again(store: Store, what: str, tmp_path: Path) -> None:
    program, deb = tmp_path / "a.py", tmp_path / "thing.deb"
    for path in (program, deb):
        path.write_text("1")
    cuda = Cuda(variants=("other",), run=("a.py",))
    case = dataclasses.replace(
        stored(store, SOUND),
        root=tmp_path,
        debs=(deb,),
        claims=Verify(claims=("secrets",), cuda=cuda),
    )
    assert judge.judge(store, [case])[0].seconds > 0
    assert judge.judge(store, [case])[0].seconds == 0
    if what == "claims":
        case = dataclasses.replace(case, claims=Verify(claims=("closure",)))
    elif what == "image":
        image = stored(store, SOUND | {"/usr/bin/new": b"x"}).image
        case = dataclasses.replace(case, image=image)
    elif what == "version":
        case = dataclasses.replace(case, version="1.1")
    else:
        {"program": program, "deb": deb}[what].write_text("22")
    assert judge.judge(store, [case])[0].seconds > 0


def test_a_damaged_memory_is_none(store: Store) -> None:
    case = stored(store, SOUND)
    judge.judge(store, [case])
    (memory,) = (dirs.cache_dir() / "verified").iterdir()
    memory.write_text("{")
    assert judge.judge(store, [case])[0].seconds > 0


def _finding(verdict: Verdict, *details: str) -> Finding:
    return Finding(
        kind="closure", claim="a < b", evidence="seen & told", verdict=verdict, details=details
    )


def judged(*findings: Finding) -> Judged:
    return Judged(
        reference="localhost/thing:1.0", variant="plain", platform="linux/amd64",
        digest="sha256:00", findings=findings,
    )  # fmt: skip


def test_the_table_and_the_error() -> None:
    one = judged(_finding(Verdict.HOLDS), _finding(Verdict.FAILS, "/x: wrong", "/y: wrong"))
    text = report.as_table([one])
    assert "localhost/thing:1.0 (linux/amd64): 1 of 2 claims hold, 1 does not" in text
    assert "closure  a < b  FAILS    seen & told" in text
    with pytest.raises(ClaimsError) as error:
        report.refuse([one])
    assert str(error.value).splitlines() == [
        "error: localhost/thing:1.0: closure: a < b: not so",
        "  /x: wrong",
        "  /y: wrong",
    ]


def test_images_of_other_platforms_say_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "native", lambda: PLATFORMS["linux/amd64"])
    one = judged(_finding(Verdict.HOLDS))
    arm = dataclasses.replace(judged(_finding(Verdict.FAILS, "/x")), platform="linux/arm64")
    with pytest.raises(ClaimsError, match=r"^error: localhost/thing:1\.0 \(linux/arm64\): closure"):
        report.refuse([one, arm])
    text = page.render("thing", [one, arm])
    assert ">plain</a>" in text and ">plain (linux/arm64)</a>" in text


def test_packages_of_two_platforms_have_the_same_name(store: Store, tmp_path: Path) -> None:
    amd = dataclasses.replace(stored(store, SOUND), debs=(tmp_path / "amd/thing.deb",))
    arm = dataclasses.replace(
        amd,
        image=dataclasses.replace(amd.image, platform="linux/arm64"),
        debs=(tmp_path / "arm/thing.deb",),
    )
    made = judge._linters([amd, arm])
    assert [linter._debs for linter in made.values()] == [amd.debs, arm.debs]


def test_many_places_are_counted() -> None:
    places = [f"/{n}" for n in range(25)]
    with pytest.raises(ClaimsError, match="and 5 more: pdbuild verify --json"):
        report.refuse([judged(_finding(Verdict.FAILS, *places))])


def test_what_is_not_checked_fails_only_when_that_is_asked_for() -> None:
    one = judged(_finding(Verdict.UNKNOWN))
    assert one.summary == "0 of 1 claims hold, 1 not checked"
    report.refuse([one])
    with pytest.raises(ClaimsError, match="seen & told"):
        report.refuse([one], strict=True)


def test_the_json_has_everything() -> None:
    (told,) = json.loads(report.as_json([judged(_finding(Verdict.FAILS, "/x"))]))
    assert told["findings"][0]["details"] == ["/x"]
    assert told["findings"][0]["verdict"] == "FAILS"


def test_the_page_is_the_same_for_the_same_and_escapes_what_it_shows() -> None:
    one = judged(_finding(Verdict.HOLDS), _finding(Verdict.FAILS, "<b>", "c"))
    text = page.render("thing", [dataclasses.replace(one, seconds=1.0)])
    assert text == page.render("thing", [one])
    assert "a &lt; b" in text and "seen &amp; told" in text and "<b>" not in text
    assert text.count("<tr>") == 5 and 'class="verdict fails"' in text


def test_what_may_be_in_no_image(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bundle = tmp_path / "own.pem"
    bundle.write_text("-----BEGIN CERTIFICATE-----\nMIIone\nMIItwo\nMIIthree\n-----END")
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.setenv("http_proxy", "http://ann:secret@proxy.example:3128/")
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    monkeypatch.setenv("LOGNAME", "ann")
    monkeypatch.setenv("https_proxy", "http://localhost:3128")
    mirrors = Mirrors(apt="https://ann:word@mirror.example/debian", pip="https://pip.example/")
    made = builder.here(Path("/home/ann/thing"), mirrors)
    told = set(made.secrets.values())
    assert {"/home/ann", "/home/ann/thing", "ann:secret@proxy.example:3128"} <= told
    assert "ann:word@mirror.example/debian" in told
    assert not any("localhost" in text or "pip.example" in text for text in told)
    assert {"MIIone\nMIItwo\nMIIthree", str(bundle)} <= told
    assert (made.user, made.uid) == ("ann", 1000)
    assert {f"ann@{os.uname().nodename}", "/home/ann/"} <= told
    # What every machine has tells nothing.
    monkeypatch.setenv("HOME", "/root")
    assert "/root" not in builder.here(Path("/src")).secrets.values()
