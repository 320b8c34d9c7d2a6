"""The progress of a bake: events, their sum, and how it is shown."""

from pdbuild.progress.events import BuildWarning
from pdbuild.progress.failure import Failure, report
from pdbuild.progress.solve import Solve
from pdbuild.progress.views import View, view

__all__ = ["BuildWarning", "Failure", "Solve", "View", "report", "view"]
