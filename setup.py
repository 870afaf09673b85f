"""The parts in C. Both are optional: without a compiler the installation succeeds and Python does their work."""

import sys
from pathlib import Path

from setuptools import Extension, setup

#: A probe takes so few instructions that those of the linker's table, which calls into Python go through, are many.
DIRECT = ["-fno-plt"] if sys.platform == "linux" else []
FLAGS = ["-O3", *DIRECT, "-Wall", "-Wextra"]

#: Elsewhere there is no such call.
LINUX = [Extension("flor.capture._beside", ["flor/capture/_beside.c"], extra_compile_args=FLAGS, optional=True)]

HEADERS = sorted(map(str, Path("flor").glob("*/*.h")))

setup(
    ext_modules=[
        Extension(
            "flor.capture._probe", ["flor/capture/_probe.c"], depends=HEADERS, extra_compile_args=FLAGS, optional=True
        ),
        *(LINUX if sys.platform == "linux" else []),
        Extension("flor.capture._outermost", ["flor/capture/_outermost.c"], extra_compile_args=FLAGS, optional=True),
        Extension(
            "flor.trace._decode", ["flor/trace/_decode.c"], depends=HEADERS, extra_compile_args=FLAGS, optional=True
        ),
    ]
)
