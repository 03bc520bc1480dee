"""Import lancedb without the generated models of its REST client, and without checks of its class definitions.

No command uses the models, and they are half of what `import lancedb` costs; the checks (the package `overrides`, on
Python 3.11) are another quarter, and are for lancedb's own developers. Commands and the process of SQL leave both
out: who imports photoidx has lancedb as it is.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any

_CLIENT, _CHECKS = "lance_namespace_urllib3_client", "overrides"


class _Names(ModuleType):
    """A package in which every name is a record of what it is called with: local tables answer with some of them."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        made = type(name, (SimpleNamespace,), {"__module__": self.__name__})
        setattr(self, name, made)
        return made


class _Without(MetaPathFinder, Loader):
    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        is_left_out = fullname in (_CLIENT, _CHECKS) or fullname.startswith(f"{_CLIENT}.")
        return ModuleSpec(fullname, self, is_package=True) if is_left_out else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return ModuleType(spec.name) if spec.name == _CHECKS else _Names(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        if module.__name__ == _CHECKS:
            vars(module).update(override=_unchanged, overrides=_unchanged, EnforceOverrides=object)


def _unchanged(method: Any) -> Any:
    return method


def lighten_lancedb() -> None:
    """Have this process import lancedb without what no command uses, if it has not been imported yet."""
    if _CLIENT not in sys.modules and not any(isinstance(each, _Without) for each in sys.meta_path):
        sys.meta_path.insert(0, _Without())
