"""What controls keeps, and what is done to it in a transaction."""

from services.controls.store.candidates import Candidates
from services.controls.store.findings import Findings
from services.controls.store.imports import ControlsFiles
from services.controls.store.objects import Objects
from services.controls.store.operations import Operations
from services.controls.store.tables import metadata
from services.controls.store.tips import Tips

__all__ = ["Candidates", "ControlsFiles", "Findings", "Objects", "Operations", "Tips", "metadata"]
