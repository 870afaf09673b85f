"""The parts in C. Both are optional: without a compiler the installation succeeds and Python does their work."""

from pathlib import Path

from setuptools import Extension, setup

FLAGS = ["-O2", "-Wall", "-Wextra"]

HEADERS = sorted(map(str, Path("flor").glob("*/*.h")))

setup(
    ext_modules=[
        Extension(
            "flor.capture._probe", ["flor/capture/_probe.c"], depends=HEADERS, extra_compile_args=FLAGS, optional=True
        ),
        Extension("flor.capture._outermost", ["flor/capture/_outermost.c"], extra_compile_args=FLAGS, optional=True),
        Extension(
            "flor.trace._decode", ["flor/trace/_decode.c"], depends=HEADERS, extra_compile_args=FLAGS, optional=True
        ),
    ]
)
