"""The modules of CPython's own tests that are run under capture."""

from __future__ import annotations

#: Quick ones that stress the language: the tests run them on every Python, which takes two minutes on one core.
SUBSET = """
    test_grammar test_generators test_coroutines test_asyncgen test_yield_from test_generator_stop
    test_exceptions test_exception_group test_except_star test_raise test_traceback test_with test_contextlib test_contextlib_async
    test_scope test_global test_class test_super test_descr test_metaclass test_subclassinit test_property test_decorators
    test_dictcomps test_listcomps test_setcomps test_genexps test_keywordonlyarg test_positional_only_arg test_extcall test_funcattrs
    test_fstring test_patma test_inspect test_dataclasses test_enum test_functools test_iter test_itertools test_unpack test_unpack_ex
    test_named_expressions test_augassign test_compare test_type_params test_typing test_types test_warnings test_copy
    test_sys_settrace test_sys_setprofile test_monitoring test_bdb test_frame test_code test_call test_builtin test_collections
    test_weakset test_gc test_sys test_threading_local
""".split()

#: And those that take longer, or look at the interpreter more than at the language.
REST = """
    test_asyncio test_concurrent_futures test_cprofile test_faulthandler test_int test_multiprocessing_fork
    test_multiprocessing_forkserver test_multiprocessing_spawn test_operator test_pdb test_pickle test_runpy test_syntax test_tempfile
    test_threading test_tracemalloc test_unittest test_weakref
""".split()
