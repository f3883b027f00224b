"""Python imports this at its start when the folder is on its path, as process tests put it there.

Once `services.safety.station` has been imported, its service writes every step down (`safety_step_recorder.py`).
"""

import sys
from importlib.util import find_spec
from types import ModuleType
from typing import Any

SUBJECT = "services.safety.station"


class _Finder:
    """Lets the others find everything, and adds one step to the import of one module."""

    @classmethod
    def find_spec(cls, name: str, _path: object = None, _target: object = None) -> Any:
        if name != SUBJECT:
            return None
        sys.meta_path.remove(cls)  # type: ignore[arg-type]
        spec = find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def execute_and_record(module: ModuleType) -> None:
            execute(module)
            from safety_step_recorder import record

            record(module.SafetyService)

        spec.loader.exec_module = execute_and_record  # type: ignore[method-assign]
        return spec


sys.meta_path.insert(0, _Finder)  # type: ignore[arg-type]
