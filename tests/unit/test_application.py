"""How an application is started: its ports, its token, and the container that is meant."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from checkout_bits import Checkout

from pdbuild import application, origin
from pdbuild.application import Port, Start
from pdbuild.container import podman
from pdbuild.errors import UsageError
from pdbuild.plan.types import Request
from pdbuild.recipe.load import load
from pdbuild.recipe.types import App
from pdbuild.resolve import resolve

JUPYTER = ("jupyter", "notebook", "--port=8080")


@pytest.fixture(autouse=True)
def mapping(monkeypatch: pytest.MonkeyPatch) -> None:
    """podman maps ports here."""
    monkeypatch.setattr(podman, "publishes", lambda: True)


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def app(**given: object) -> App:
    return App(**{"name": "book", "expose": (8080,), "command": JUPYTER} | given)


@pytest.mark.parametrize(
    ("asked", "port"),
    [
        ("8000", Port(inside=8000, address="127.0.0.1", outside=8000)),
        ("9000:8000", Port(inside=8000, address="127.0.0.1", outside=9000)),
        ("0.0.0.0:9000:8000", Port(inside=8000, address="0.0.0.0", outside=9000)),
    ],
)
def test_ports_as_people_write_them(asked: str, port: Port) -> None:
    assert application.published(app(), (asked,)) == ("private", (port,))


@pytest.mark.parametrize("asked", ["", "x", "0", "70000", "80:x", "1:2:3:"])
def test_what_is_no_port(asked: str) -> None:
    with pytest.raises(UsageError, match="not PORT"):
        application.published(app(), (asked,))


def test_a_port_that_is_taken_becomes_another(taken: int) -> None:
    _, (port,) = application.published(app(expose=(taken,)), ())
    assert port.inside == taken and port.outside not in (0, taken)


def test_where_nothing_can_be_mapped_the_network_is_shared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], taken: int
) -> None:
    monkeypatch.setattr(podman, "publishes", lambda: False)
    with pytest.raises(UsageError, match=f"port {taken} of this machine is taken"):
        application.published(app(expose=(taken,)), ())
    free = application._free("127.0.0.1", 0)
    network, (port,) = application.published(app(expose=(free,)), ())
    assert (network, port.outside) == ("host", free)
    assert "shares this machine's network" in capsys.readouterr().err
    with pytest.raises(UsageError, match="cannot map ports") as caught:
        application.published(app(), ("9000:8080",))
    assert "passt" in caught.value.hint


def test_jupyter_gets_a_token_that_its_address_has() -> None:
    made, ports = application._container(app(), Start(image="localhost/book:1"))
    token = dict(made.env)["JUPYTER_TOKEN"]
    assert len(token) == 48
    address = application.address(made, ports[0], first=True)
    assert address == f"http://127.0.0.1:{ports[0].outside}/?token={token}"
    assert "token" not in application.address(made, ports[0], first=False)
    again, _ = application._container(app(), Start(image="localhost/book:1"))
    assert dict(again.env)["JUPYTER_TOKEN"] != token


def test_a_token_of_ones_own_is_kept_and_others_get_none() -> None:
    own = Start(image="x", env=(("JUPYTER_TOKEN", "mine"),))
    assert dict(application._container(app(), own)[0].env) == {"JUPYTER_TOKEN": "mine"}
    for other in (app(command=("serve.py",)), app(environment={"JUPYTER_TOKEN": "baked"})):
        assert not application._container(other, Start(image="x"))[0].env
    assert not application._container(app(), Start(image="x", words=("serve.py",)))[0].env


def test_the_user_of_the_recipe_runs_it() -> None:
    assert application._container(app(user="1000:100"), Start(image="x"))[0].user == "1000:100"
    assert application._container(app(user="nobody"), Start(image="x"))[0].user == ""


def test_which_container_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[str] = []
    monkeypatch.setattr(application.podman, "named", lambda prefix: tuple(found))
    with pytest.raises(UsageError, match="does not run"):
        application.the_one(app(), "")
    found.append("pdbuild-app-book-1")
    assert application.the_one(app(), "") == "pdbuild-app-book-1"
    found.append("pdbuild-app-book-2")
    assert application.the_one(app(), "abc") == "abc"
    with pytest.raises(UsageError, match="runs 2 times"):
        application.the_one(app(), "")


def test_the_image_that_it_starts_from_is_that_of_the_store(
    tmp_path: Path, checkout: Checkout
) -> None:
    def of(image: str) -> dict[str, str]:
        text = f'project.name = "page"\napp = {{ name = "page", image = "{image}" }}\n'
        (tmp_path / "pdbuild.toml").write_text(text)
        recipe = load(tmp_path / "pdbuild.toml", blocks_dir=tmp_path)
        return origin.contexts(recipe, resolve(recipe, Request()), needed=True)

    (context,) = of("localhost/squares:1.0").values()
    assert context.startswith("oci-layout://") and "@sha256:" in context
    with pytest.raises(UsageError, match=r"no image localhost/squares:7 in the store"):
        of("localhost/squares:7")
    assert of("registry.example.org/squares:1.0") == {}  # the engine asks its registry
