"""The parts in C. Both are optional: without a compiler the installation succeeds and Python does their work."""

from setuptools import Extension, setup

FLAGS = ["-O2", "-Wall", "-Wextra"]

setup(
    ext_modules=[
        Extension("flor.capture._probe", ["flor/capture/_probe.c"], extra_compile_args=FLAGS, optional=True),
        Extension("flor.trace._decode", ["flor/trace/_decode.c"], extra_compile_args=FLAGS, optional=True),
    ]
)
