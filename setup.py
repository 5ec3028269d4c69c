"""The one thing pyproject.toml cannot say: the sizer's C core is built where it can be, and does without where not.

Without a compiler or Python's headers the install succeeds and the plain twin of the walker takes over.
"""

from pathlib import Path

from setuptools import Extension, setup

SIZER = Path("exporter/docker_storage_exporter/sizer")

setup(
    ext_modules=[
        Extension(
            "docker_storage_exporter.sizer._walk",
            sources=sorted(str(path) for path in SIZER.glob("*.c")),
            depends=sorted(str(path) for path in SIZER.glob("*.h")),
            define_macros=[("Py_LIMITED_API", "0x030A0000")],
            extra_compile_args=["-std=c11", "-pthread", "-fvisibility=hidden"],
            extra_link_args=["-pthread", "-s"],
            py_limited_api=True,
            optional=True,
        )
    ],
    exclude_package_data={"docker_storage_exporter.sizer": ["*.c", "*.h"]},  # sources belong into the sdist alone
    options={"bdist_wheel": {"py_limited_api": "cp310"}},
)
