"""Words of CMake's that a reader of its files must know, and arguments by their keywords."""

import re

KNOWN = {
    "UNIX": "ON", "LINUX": "ON", "CMAKE_SYSTEM_NAME": "Linux", "CMAKE_SYSTEM_PROCESSOR": "x86_64",
    "CMAKE_HOST_SYSTEM_NAME": "Linux", "CMAKE_CXX_COMPILER_ID": "GNU", "CMAKE_C_COMPILER_ID": "GNU",
    "CMAKE_BUILD_TYPE": "Release", "CMAKE_SIZEOF_VOID_P": "8", "PROJECT_IS_TOP_LEVEL": "ON",
    "CMAKE_VERSION": "3.31.6", "CMAKE_CROSSCOMPILING": "OFF", "CMAKE_COMPILER_IS_GNUCXX": "ON",
    "CMAKE_COMPILER_IS_GNUCC": "ON", "BUILD_TESTING": "OFF",
}  # fmt: skip
ELSEWHERE = ("WIN32", "APPLE", "MSVC", "ANDROID", "MINGW", "CYGWIN", "MSYS", "IOS", "EMSCRIPTEN",
              "BORLAND", "WATCOM", "XCODE", "WINCE", "BSD", "HAIKU",
              "CMAKE_CONFIGURATION_TYPES")  # fmt: skip
CONDITIONS = ("if", "elseif", "while")
LANGUAGES = {"C", "CXX", "CUDA", "HIP", "Fortran", "ASM", "ASM_NASM", "Swift", "OBJC", "ISPC"}
PKG_WORDS = {"REQUIRED", "QUIET", "IMPORTED_TARGET", "GLOBAL", "STATIC_TARGET",
              "NO_CMAKE_PATH", "NO_CMAKE_ENVIRONMENT_PATH"}  # fmt: skip


PLACES = ("CMAKE_CURRENT_SOURCE_DIR", "CMAKE_CURRENT_LIST_DIR")
INSTALL_WORDS = ("EXPORT", "RUNTIME", "LIBRARY", "ARCHIVE", "DESTINATION", "COMPONENT", "INCLUDES",
                  "PUBLIC_HEADER", "PRIVATE_HEADER", "OPTIONAL", "FILE_SET", "RUNTIME_DEPENDENCIES",
                  "BUNDLE", "FRAMEWORK", "OBJECTS", "CONFIGURATIONS", "PERMISSIONS")  # fmt: skip


def fields(texts: tuple[str, ...], keywords: tuple[str, ...]) -> dict[str, list[str]]:
    """Arguments by the keyword that they follow; "" has those before any."""
    found: dict[str, list[str]] = {keyword: [] for keyword in ("", *keywords)}
    at = ""
    for text in texts:
        if text in keywords:
            at = text
        else:
            found[at] += [part for part in text.split(";") if part] or [text]
    return found


_OF_TOOLKIT = re.compile(r"CUDA::([a-z]\w*)|\$\{CUDA_([A-Z]+)_LIBRAR(?:Y|IES)\}")
_BROUGHT = {"cudart", "cudart_static", "cudadevrt", "toolkit"}


def of_toolkit(text: str) -> list[str]:
    """The libraries of CUDA's toolkit that an argument names, but for those of the compiler."""
    found = (lower or upper.lower() for lower, upper in _OF_TOOLKIT.findall(text))
    return [name.removesuffix("_static") for name in found if name not in _BROUGHT]
