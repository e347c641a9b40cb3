"""Files of control objects."""

from sqlalchemy import ColumnElement

from services.controls.store.tables import control_object, imported
from services.kernel.callers import Caller
from services.kernel.files import ImportedFiles


class ControlsFiles(ImportedFiles):
    """A unit sees its own."""

    def __init__(self) -> None:
        """Kept with the objects."""
        super().__init__(imported)

    def _count(self, asking: Caller) -> ColumnElement[int]:  # noqa: ARG002  # objects are the whole kommun's
        return self._of(control_object).scalar_subquery()
