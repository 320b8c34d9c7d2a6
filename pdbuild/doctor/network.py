"""Probes of the way to the network: proxies, certificates, and what a recipe downloads from."""

import importlib
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pdbuild import registries, tools
from pdbuild.bootstrap.options import default_archive
from pdbuild.carried import Carried
from pdbuild.doctor.finding import Finding, fail, ok, warn
from pdbuild.errors import PdbuildError
from pdbuild.plan.stages import base_image
from pdbuild.recipe.types import Recipe

_SECONDS = 2.0
_PROXY_NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Something that a bake downloads from: what it is, its address, and who names it."""

    what: str
    address: str
    named_by: str


def proxies(environment: Mapping[str, str]) -> Finding:
    """The proxies that steps are given; passwords are not shown."""
    found = {}
    for name in _PROXY_NAMES:
        value = environment.get(name) or environment.get(name.upper())
        if value:
            found[name] = re.sub(r"//[^@/]*@", "//…@", value)
    if not found:
        return ok("proxies", "none")
    if "no_proxy" in found and len(found) == 1:
        return ok("proxies", "none (no_proxy alone)")
    return ok("proxies", ", ".join(f"{name}={value}" for name, value in found.items()))


def certificates(bundle: Path | None) -> Finding:
    """The CA bundle that steps are given."""
    cost = "downloads over https fail"
    if bundle is None:
        mend = "apt install ca-certificates, or name a bundle in SSL_CERT_FILE"
        return warn("certificates", "there is no CA bundle", cost=cost, mend=mend)
    try:
        context = ssl.create_default_context(cafile=str(bundle))
    except (OSError, ssl.SSLError) as error:
        mend = "name a bundle in PEM format in SSL_CERT_FILE"
        return warn("certificates", f"{bundle}: {error}", cost=cost, mend=mend)
    return ok("certificates", f"{bundle}, {len(context.get_ca_certs())} authorities")


def sources(recipe: Recipe | None) -> tuple[Source, ...]:
    """What a bake of the recipe downloads from; without one, what any bake does."""
    mirrors = recipe.mirrors if recipe else None
    suite = recipe.base.suite if recipe else "stable"
    archive = mirrors.apt if mirrors else ""
    found = []
    address, named_by = (archive, "[mirrors].apt") if archive else (_default_archive(), "default")
    if address:
        release = f"{address.rstrip('/')}/dists/{suite}/InRelease"
        found.append(Source(what="archive", address=release, named_by=named_by))
    if recipe and mirrors:
        if any(block.pip for block in recipe.blocks) and (mirrors.pip or _default_index()):
            named_by = "[mirrors].pip" if mirrors.pip else "default"
            index = mirrors.pip or _default_index()
            found.append(Source(what="pip", address=index, named_by=named_by))
        if mirrors.git:
            found.append(Source(what="git", address=mirrors.git, named_by="[mirrors].git"))
        if not recipe.base.bootstrap:
            mirror = mirrors.registry
            host = mirror.partition("/")[0] or registries.registry(base_image(recipe))
            named_by = "[mirrors].registry" if mirror else "[base].image"
            found.append(Source(what="registry", address=_address(host), named_by=named_by))
    return tuple(found)


def reach(source: Source, bundle: Path | None, *, needed: bool) -> Finding:
    """Whether a source answers within seconds; any answer of HTTP's will do.

    `needed` says that no bake can work without it.
    """
    host = urlsplit(source.address).netloc.rpartition("@")[2]
    if urlsplit(source.address).scheme not in ("http", "https"):
        return ok(source.what, f"{source.address} is not tried")
    request = urllib.request.Request(source.address, method="HEAD")
    try:
        context = ssl.create_default_context(cafile=str(bundle) if bundle else None)
        with urllib.request.urlopen(request, timeout=_SECONDS, context=context):
            return ok(source.what, f"{host} answers")
    except urllib.error.HTTPError as error:
        if error.code < 500 and error.code not in (404, 407):
            return ok(source.what, f"{host} answers")
        reason = f"{error.code} {error.reason}"
    except (OSError, ValueError) as error:
        reason = str(getattr(error, "reason", error))
    kind = fail if needed else warn
    return kind(
        source.what,
        f"{host} ({source.named_by}) cannot be reached: {reason}",
        cost="what is not in the cache yet cannot be downloaded",
        mend="name a mirror in the recipe's [mirrors], or a proxy in https_proxy and http_proxy; "
        "or bring all here: pdbuild fetch --to DIR where there is a network",
    )


def offline(archive: Carried, project: str) -> Finding:
    """What is there in the place of the network, for a project ("": for any)."""
    cost = "what is not in the cache yet cannot be had"
    try:
        found = archive.contents()
    except PdbuildError as error:
        return fail("offline", error.message, cost=cost, mend=error.hint)
    if project and project not in {content.project for content in found}:
        mend = f"where there is a network: pdbuild fetch --to {archive.path}"
        return fail("offline", f"{archive.path} has nothing for {project}", cost=cost, mend=mend)
    names = ", ".join(content.project for content in found)
    return ok("offline", f"all is taken from {archive.path}, which has what {names} needs")


def _default_archive() -> str:
    """The archive that mmdebstrap takes when it is told none: it stands in the program."""
    tool = tools.find("mmdebstrap")
    return default_archive(tool.path) if tool else ""


def _default_index() -> str:
    """The package index that pip takes when it is told none."""
    try:
        return str(importlib.import_module("pip._internal.models.index").PyPI.simple_url) + "/"
    except (ImportError, AttributeError):
        return ""  # pip is elsewhere, or has moved it


def _address(registry: str) -> str:
    """Where a registry answers."""
    host = "registry-1.docker.io" if registry == "docker.io" else registry
    scheme = "http" if registries.is_local(registry) else "https"
    return f"{scheme}://{host}/v2/"
