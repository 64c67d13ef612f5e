"""What needs no project: schema documents and logs from elsewhere, given as files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def check_schema(path: str | Path) -> dict[str, Any]:
    """Check a schema document file; raises SchemaError."""
    from newfound.schema.parsing import read_document

    document = read_document(Path(path))
    return {"dataset": document.dataset, "valid": True, "fields": len(document.fields)}


def evaluate_log(
    log: str | Path,
    *,
    target_log: str | Path | None = None,
    mapping: Mapping[str, str] | None = None,
    estimator: str = "snips",
    clip: float = 100.0,
    seed: int = 0,
) -> dict[str, Any]:
    """Estimate from a log from elsewhere what its target policy would have earned; needs no project.

    Raises QualityGateError when the log cannot answer, InputRefusedError for a bad file.
    """
    from newfound.evaluation.foreign import evaluate_files
    from newfound.evaluation.off_policy import Method

    other = None if target_log is None else Path(target_log)
    return evaluate_files(Path(log), other, mapping or {}, Method(estimator, clip, seed))


def infer_schema(path: str | Path, dataset: str) -> dict[str, Any]:
    """Infer a schema document from a data file, with notes on what was decided."""
    from newfound.dataset.inference import infer_schema as infer

    document, notes = infer([path], dataset)
    return {"document": document.to_dict(), "notes": notes}
