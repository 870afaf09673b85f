"""test.test_multiprocessing_spawn, as CPython has it, for installations of Python that leave it out."""

from test._test_multiprocessing import install_tests_in_module_dict

install_tests_in_module_dict(globals(), "spawn")
