"""Packages whose modules are alternatives of one thing: adding one is adding a file."""

from __future__ import annotations

import pkgutil
from importlib import import_module


def modules(package: str) -> list[object]:
    """The modules of a package, in the order of their names."""
    found = import_module(package)
    return [import_module(f"{package}.{entry.name}") for entry in pkgutil.iter_modules(found.__path__)]


def parts(package: str, name: str) -> list[object]:
    """What each module of a package calls `name`, in the order of the modules' names; those without it are left out."""
    return [getattr(module, name) for module in modules(package) if hasattr(module, name)]
