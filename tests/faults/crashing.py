"""A service, or the partner, that kills itself at a named point: `python -m tests.faults.crashing --config DIR/config/<name>.toml`.

LOS_ names do not reach a service, so the plan comes in FAULT_PLAN: a folder with one file per point that holds how many crashes are left.
A process that is started again crashes again until the file says none.
"""

import os
import runpy
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from inspect import getattr_static
from pathlib import Path
from typing import Any

# point: (the process it is in, module, class, method, whether the crash comes after the original has run)
POINTS = {
    "commit_before_reply": ("registry", "services.registry.service.servicer", "RegistryServicer", "RegisterAlert"),
    "offer_taken_before_delete": ("registry", "services.kernel.offering", "Offering", "_offer"),
    "decision_committed": ("sharing", "services.sharing.service.servicer", "SharingServicer", "ApproveDisclosure"),
    "broker_acknowledged_before_delete": ("relay", "services.sharing.publisher", "Publisher", "send"),
    "partner_commit_before_offset": ("partner", "partner.receiver", "Receiver", "receive"),
    "reply_read_before_our_commit": ("sharing", "services.sharing.feedback", "Feedback", "_note"),
}
MODULES = {
    "registry": "services.registry.app",
    "controls": "services.controls.app",
    "sharing": "services.sharing.app",
    "relay": "services.sharing.relay",
    "partner": "cli.main",
}
CRASHES = 3


def plan(folder: Path) -> None:
    """Three crashes at each point."""
    folder.mkdir()
    for point in POINTS:
        (folder / point).write_text(str(CRASHES), encoding="ascii")


def left(folder: Path) -> dict[str, int]:
    """How many crashes remain at each point."""
    return {point: int((folder / point).read_text(encoding="ascii")) for point in POINTS}


def _dying(file: Path, original: Callable[..., Any]) -> Callable[..., Any]:
    def act(*words: Any, **options: Any) -> Any:  # noqa: ANN401  # whatever the original takes
        answer = original(*words, **options)
        remaining = int(file.read_text(encoding="ascii"))
        if remaining:
            part = file.with_suffix(".part")
            part.write_text(str(remaining - 1), encoding="ascii")
            part.replace(file)
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    return act


def main() -> None:
    """Patch the points of this process, then be that process."""
    name = "partner" if "partner" in sys.argv[1:] else Path(sys.argv[sys.argv.index("--config") + 1]).stem
    for point, (process, module, kind, method) in POINTS.items():
        if process == name:
            owner = getattr(import_module(module), kind)
            file = Path(os.environ["FAULT_PLAN"]) / point
            original = getattr_static(owner, method)
            if isinstance(original, staticmethod):
                setattr(owner, method, staticmethod(_dying(file, original.__func__)))
            else:
                setattr(owner, method, _dying(file, original))
    runpy.run_module(MODULES[name], run_name="__main__")


if __name__ == "__main__":
    main()
