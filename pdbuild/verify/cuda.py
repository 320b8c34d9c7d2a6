"""cuda: variants for GPUs have code for those named; the others have nothing of CUDA."""

import re
from collections.abc import Iterable, Iterator

from pdbuild.errors import EngineError
from pdbuild.recipe.tables.verify import Cuda
from pdbuild.verify import fatbin
from pdbuild.verify.fatbin import Kernels
from pdbuild.verify.finding import Finding, first_words, found, unknown
from pdbuild.verify.subject import Subject

KIND = "cuda"

# What belongs to the driver of the machine that runs it (NVIDIA's driver README, chapter 5).
_DRIVER = re.compile(
    r".*/(?:libcuda|libnvidia-\w[\w-]*|libnvcuvid|libcudadebugger|libGLX_nvidia|libEGL_nvidia)"
    r"\.so(?:\.[\d.]+)?|.*/nvidia(?:-\w+)?\.ko(?:\.\w+)?|/(?:usr/)?bin/nvidia-smi"
)
_CUDA_FILE = re.compile(
    r".*/lib(?:cudart|cublas|cublasLt|cufft|curand|cusolver|cusparse|cudnn|nccl|nvrtc|nvJitLink|"
    r"cupti|npp\w+)[\w-]*\.(?:so|a)(?:\.[\d.]+)?|.*\.(?:cubin|fatbin|ptx)"
)
_CUDA_SYMBOL = re.compile(r"__cuda\w+|cuda[A-Z]\w+|cu(?:Init|Ctx|Module|Launch|Mem|Device)\w*")
_CUDA_PACKAGE = re.compile(r"(?:nvidia|cuda|libcu(?:da|blas|dnn)|libnccl)[\w.+-]*")


def check(subject: Subject) -> Iterator[Finding]:
    """Everything that is claimed of this kind."""
    claims = subject.claims.cuda
    if claims is None:
        return
    files = [entry.path for entry in subject.content if entry.kind != "folder"]
    inside = [path for path in files if _DRIVER.fullmatch(path)]
    yield found(KIND, "no part of a driver is inside", inside, f"{len(files)} files")
    if subject.variant not in claims.variants:
        yield _without(subject, files)
        return
    yield from _code(subject, claims)
    for number, line in enumerate(claims.run):
        yield _starts(subject, line, claims.says if number == 0 else "")


def _without(subject: Subject, files: list[str]) -> Finding:
    wrong = [path for path in files if _CUDA_FILE.fullmatch(path)]
    for elf in subject.elves.values():
        if held := elf.sections & {*fatbin.SECTIONS, ".nvFatBinSegment"}:
            wrong.append(f"{elf.path}: code for GPUs in {', '.join(sorted(held))}")
        wrong += [f"{elf.path}: needs {name}" for name in elf.needed if _of_cuda(name)]
        symbols = [s.name for s in (*elf.wants, *elf.has) if _CUDA_SYMBOL.fullmatch(s.name)]
        if symbols:
            wrong.append(f"{elf.path}: the symbol {symbols[0]}")
    wrong += [
        f"the package {p.name}" for p in subject.packages.all if _CUDA_PACKAGE.fullmatch(p.name)
    ]
    evidence = f"{len(files)} files, {len(subject.elves)} of them ELF"
    return found(KIND, "there is nothing of CUDA", wrong, evidence)


def _of_cuda(library: str) -> bool:
    return bool(_CUDA_FILE.fullmatch(f"/{library}") or _DRIVER.fullmatch(f"/{library}"))


def _code(subject: Subject, claims: Cuda) -> Iterator[Finding]:
    made: dict[str, Kernels] = {}
    broken = []
    for path, elf in subject.elves.items():
        if elf.sections.intersection(fatbin.SECTIONS):
            try:
                made[path] = fatbin.kernels(subject.content.read(path))
            except ValueError as error:
                broken.append(f"{path}: {error}")
    code = {arch for kernels in made.values() for arch in kernels.code}
    wrong = [*broken, *_differs(code, claims.architectures, "code for")]
    for path, kernels in made.items():
        if kernels.code and (lacks := {*_numbers(claims.architectures)} - kernels.code):
            wrong.append(f"{path}: no code for {_listed(lacks)}")
    claim = f"there is code for {_listed(claims.architectures)}, and for no other"
    yield found(KIND, claim, wrong, f"{', '.join(made) or 'no file'}: {_listed(code) or 'none'}")
    ptx = {arch for kernels in made.values() for arch in kernels.ptx}
    claim = f"there is PTX for {_listed(claims.ptx)}" if claims.ptx else "there is no PTX"
    yield found(KIND, claim, [*_differs(ptx, claims.ptx, "PTX for")], _listed(ptx) or "none")


def _differs(have: set[str], wanted: Iterable[str], what: str) -> Iterator[str]:
    numbers = {*_numbers(wanted)}
    if lacking := numbers - have:
        yield f"no {what} {_listed(lacking)}"
    if more := have - numbers:
        yield f"{what} {_listed(more)}, which the recipe does not name"


def _numbers(architectures: Iterable[str]) -> Iterator[str]:
    """`90a` is a 90 in the container."""
    return (text.rstrip("af") for text in architectures)


def _listed(architectures: Iterable[str]) -> str:
    return ", ".join(sorted(architectures, key=lambda text: (len(text), text)))


def _starts(subject: Subject, line: str, says: str) -> Finding:
    claim = f"`{line}` runs without a driver" + (f" and says {says!r}" if says else "")
    try:
        ran = subject.ran(line)
    except EngineError as error:
        return unknown(KIND, claim, error.message)
    said = ran.said
    wrong = [f"it ends with {ran.code}: {said[-200:]}"] if ran.code else []
    if says and says not in said:
        wrong.append(f"it says {said[:200]!r}")
    return found(KIND, claim, wrong, first_words(said))
