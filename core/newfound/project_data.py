"""What a project keeps: interactions, items, users, events, schema documents and filters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from newfound.progress import ProgressCallback, silent
from newfound.store.layout import Layout

LOCK_TIMEOUT_SECONDS = 60.0


@dataclass
class ProjectData:
    """The methods of `Project` that import, put, show and check data."""

    root: Path
    lock_timeout: float = LOCK_TIMEOUT_SECONDS

    @property
    def layout(self) -> Layout:
        """Where everything lies."""
        return Layout(self.root)

    # -- datasets ----------------------------------------------------------------------------------------------

    def import_dataset(
        self,
        dataset: str,
        paths: Sequence[str | Path],
        *,
        schema: str | Path | None = None,
        mode: str = "full",
        mapping: Mapping[str, str] | None = None,
        dry_run: bool = False,
        on_error: str = "fail",
        rejects: str | Path | None = None,
        progress: ProgressCallback = silent,
    ) -> dict[str, Any]:
        """Import files into `interactions`, `items` or `users`; all or nothing unless `on_error` is "skip"."""
        from newfound.dataset.importing import import_dataset

        return import_dataset(
            self.layout,
            dataset,
            list(paths),
            schema_path=None if schema is None else Path(schema),
            mode=mode,
            mapping=dict(mapping or {}),
            dry_run=dry_run,
            on_error=on_error,
            rejects=None if rejects is None else Path(rejects),
            progress=progress,
            lock_timeout=self.lock_timeout,
        )

    def datasets(self) -> list[dict[str, Any]]:
        """Count what each dataset holds."""
        from newfound.dataset.describe import summarize

        return [summarize(self.layout, name) for name in ("interactions", "items", "users", "events")]

    def describe_dataset(self, dataset: str) -> dict[str, Any]:
        """Describe a dataset: counts, times and its schema document."""
        from newfound.dataset.describe import describe

        return describe(self.layout, dataset)

    def analyze(self) -> dict[str, Any]:
        """Look for what will hurt training or recommending."""
        from newfound.dataset.analyze import analyze

        return analyze(self.layout)

    def export(self, dataset: str, output: str | Path, impressions: bool = False) -> dict[str, Any]:
        """Write every stored row to a CSV, JSON Lines or Parquet file."""
        from newfound.dataset.export import export

        return export(self.layout, dataset, Path(output), impressions=impressions)

    def put_events(self, lines: Iterable[bytes], on_error: str = "fail") -> dict[str, Any]:
        """Store events, one JSON object a line; they are durable when this returns."""
        from newfound.dataset.events import put_events

        return put_events(self.layout, lines, on_error=on_error, lock_timeout=self.lock_timeout)

    def put_items(self, lines: Iterable[bytes], on_error: str = "fail") -> dict[str, Any]:
        """Store item records, each replacing the whole record of the same id."""
        from newfound.dataset.records import put_records

        return put_records(self.layout, "items", lines, on_error=on_error, lock_timeout=self.lock_timeout)

    def put_users(self, lines: Iterable[bytes], on_error: str = "fail") -> dict[str, Any]:
        """Store user records, each replacing the whole record of the same id."""
        from newfound.dataset.records import put_records

        return put_records(self.layout, "users", lines, on_error=on_error, lock_timeout=self.lock_timeout)

    # -- schemas -----------------------------------------------------------------------------------------------

    def schemas(self) -> list[dict[str, Any]]:
        """List the schema document in force for each dataset."""
        from newfound.schema.registry import list_documents

        return list_documents(self.layout)

    def schema(self, dataset: str) -> dict[str, Any]:
        """Show the schema document in force for a dataset."""
        from newfound.schema.registry import document_for

        return document_for(self.layout, dataset).to_dict()

    # -- filters -----------------------------------------------------------------------------------------------

    def create_filter(self, name: str, expression: str) -> dict[str, Any]:
        """Store a filter expression under a name."""
        from newfound.item_filters import create_filter

        return create_filter(self.layout, name, expression)

    def filters(self) -> list[dict[str, Any]]:
        """List named filters."""
        from newfound.item_filters import list_filters

        return list_filters(self.layout)

    def filter(self, name: str) -> dict[str, Any]:
        """Describe a named filter."""
        from newfound.item_filters import describe_filter

        return describe_filter(self.layout, name)

    def check_filter(self, expression: str) -> dict[str, Any]:
        """Parse an expression without storing it; raises InvalidFilterError."""
        from newfound.item_filters import check_filter

        return check_filter(expression)

    def delete_filter(self, name: str) -> dict[str, Any]:
        """Delete a named filter."""
        from newfound.item_filters import delete_filter

        return delete_filter(self.layout, name)

    # -- files ---------------------------------------------------------------------------------------------------

    def verify(self, deep: bool = False) -> dict[str, Any]:
        """Check files against what was written; raises DamagedError naming each damaged one."""
        from newfound.store.verify import verify

        return verify(self.layout, deep)

    def compact(self, older_than: int | None = None) -> dict[str, Any]:
        """Merge small files and remove what nothing refers to; also responses logged before `older_than`, Unix seconds.

        Data that solution versions were trained on stays until these are deleted.
        """
        from newfound.store.compact import compact
        from newfound.training.describe import table_versions_in_use

        pinned = table_versions_in_use(self.layout)
        return compact(
            self.layout, pinned=pinned, responses_before=older_than, lock_timeout=self.lock_timeout
        )
