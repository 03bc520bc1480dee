"""Import lancedb without the generated models of its REST client, which no command uses.

They are half of what `import lancedb` costs. Commands and the process of SQL leave them out: who imports photoidx has
lancedb as it is.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace

_CLIENT = "lance_namespace_urllib3_client"


class _Names(ModuleType):
    """A package in which every name is a record of what it is called with: local tables answer with some of them."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        made = type(name, (SimpleNamespace,), {"__module__": self.__name__})
        setattr(self, name, made)
        return made


class _WithoutClient(MetaPathFinder, Loader):
    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        is_client = fullname == _CLIENT or fullname.startswith(f"{_CLIENT}.")
        return ModuleSpec(fullname, self, is_package=True) if is_client else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Names(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


def leave_out_rest_client() -> None:
    """Have this process import lancedb without its REST client, if it has not been imported yet."""
    if _CLIENT not in sys.modules and not any(isinstance(each, _WithoutClient) for each in sys.meta_path):
        sys.meta_path.insert(0, _WithoutClient())
