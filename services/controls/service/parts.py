"""What the methods of controls' servicer share: the parts, and who asks."""

from services.controls.service.imports import Imports
from services.controls.store import Candidates, ControlsFiles, Findings, Objects, Operations, Tips
from services.kernel.callers import Caller
from services.kernel.clock import Clock
from services.kernel.db import Database
from services.kernel.errors import NotFound
from services.kernel.life import Actor
from services.kernel.records import Audit, Requests
from services.kernel.reference import reference
from services.kernel.releases import Releases


class Parts:
    """The parts of the service."""

    def __init__(
        self,
        database: Database,
        objects: Objects,
        operations: Operations,
        findings: Findings,
        tips: Tips,
        requests: Requests,
        imports: Imports,
        files: ControlsFiles,
        releases: Releases,
        audit: Audit,
        clock: Clock,
    ) -> None:
        """Passed in; app.py builds them."""
        self._database = database
        self._objects = objects
        self._operations = operations
        self._findings = findings
        self._tips = tips
        self._candidates = Candidates(objects, tips)
        self._requests = requests
        self._imports = imports
        self._files = files
        self._releases = releases
        self._audit = audit
        self._clock = clock

    def _actor(self, asking: Caller) -> Actor:
        """Who acts and when, in the words of the domain."""
        return Actor.of(asking, self._clock)


def unit_of(asking: Caller) -> str:
    """The unit that the caller acts for. Raises NotFound when the kommun has none of that name."""
    if asking.unit is None or asking.unit not in reference().units:
        raise NotFound
    return asking.unit
