"""One cc_test per *_test.cc, named by its path, seeing no more of the tree than its folder needs."""

_CORE = [
    ":testing_core",
    "//core",
]

_IO = _CORE + [
    "//io",
    "//io:files",
    "//proto",
]

# What the harness in tests/testing/ sees: enough to build a graph and run it.
_RUN = _IO + [
    ":testing",
    "//graph",
    "//graph:functions",
    "//ops",
    "//ops/kernels",
    "//session",
]

# Sessions never see an op of ours; their tests bring their own.
_SESSION = _CORE + [
    ":testing_session",
    "//graph",
    "//session",
]

_ALL = _RUN + [
    ":testing_program",
    "//:sluice",
    "//layers",
    "//train",
]

# folder: (size, libraries, programs that the tests run)
_FOLDERS = {
    "core": ("small", _CORE, []),
    "proto": ("small", ["//proto"], []),
    "io": ("small", _IO, []),
    "graph": ("small", _RUN, []),
    "ops": ("medium", _RUN, []),
    "session": ("medium", _SESSION + ["//ops"], []),
    "layers": ("medium", _ALL, []),
    "train": ("medium", _ALL, []),
    "testing": ("medium", _RUN, []),
    "repo": ("medium", _RUN + [":testing_registry"], [
        ":ops_tests",
        "//ops:sources",
    ]),
    "tools": ("medium", _ALL + [":testing_tools", "//tools:sluice_lib"], ["//tools:sluice"]),
    "compat": ("medium", _ALL, ["//tools:sluice"]),
    "examples": ("small", _ALL + ["//examples/fashion_mnist:parts"], []),
    "e2e": ("large", _ALL + ["//benchmarks:networks", "//examples/fashion_mnist:network"], [
        "//examples/fashion_mnist",
        "//examples/locally_connected",
        "//examples/mobilenet",
        "//examples/pruned",
        "//examples/serving",
        "//examples/siamese",
        "//tools:sluice",
    ]),
}

def sluice_tests():
    """Declares every test below the calling package. A test may read tests/<folder>/testdata/."""
    for source in native.glob(["**/*_test.cc"], exclude = ["testing/op_test.cc"], allow_empty = True):
        folder = source.split("/")[0]
        if folder not in _FOLDERS:
            fail("tests/%s: no such folder in tests/tests.bzl" % source)
        size, libraries, programs = _FOLDERS[folder]
        native.cc_test(
            name = source[:-len(".cc")].replace("/", "_"),
            size = size,
            srcs = [source],
            data = programs + native.glob([folder + "/testdata/**"], allow_empty = True),
            deps = libraries + [
                "@system//:absl",
                "@system//:glog",
                "@system//:gtest",
                "@system//:protobuf",
            ],
        )
