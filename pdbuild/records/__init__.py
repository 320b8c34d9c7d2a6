"""What is kept of each bake: a record of it, and everything that its steps said."""

from pdbuild.records.keep import Keeper, begin
from pdbuild.records.record import Record, StepRecord, TargetRecord, find, latest, newest

__all__ = ["Keeper", "Record", "StepRecord", "TargetRecord", "begin", "find", "latest", "newest"]
