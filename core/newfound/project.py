"""Project: everything the command line does, under the same names, for notebooks and programs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from newfound.errors import NotFoundError, UsageError
from newfound.progress import ProgressCallback, silent
from newfound.store.layout import Layout

if TYPE_CHECKING:
    from newfound.simulation.world import World

LOCK_TIMEOUT_SECONDS = 60.0
ENVIRONMENT = "NEWFOUND_PROJECT"


@dataclass
class Project:
    """A project directory. Methods return plain dicts with the keys of the matching command's `--json` output.

    `lock_timeout` is how long, in seconds, a command waits for another process before BusyError.
    """

    root: Path
    lock_timeout: float = LOCK_TIMEOUT_SECONDS

    @property
    def layout(self) -> Layout:
        """Where everything lies."""
        return Layout(self.root)

    # -- the project -------------------------------------------------------------------------------------------

    @staticmethod
    def init(directory: str | Path) -> dict[str, Any]:
        """Make an empty project; an existing one is left as it is."""
        from newfound.store.project_file import create_project_file, read_project_file

        layout = Layout(Path(directory))
        created = create_project_file(layout)
        found = read_project_file(layout)
        return {
            "project": str(layout.root),
            "name": found.name,
            "created": created,
            "formatVersion": 1,
            "creationDateTime": found.creation_time,
        }

    @staticmethod
    def open(directory: str | Path | None = None) -> Project:
        """Open a project: this directory, else $NEWFOUND_PROJECT, else the nearest parent of the current directory.

        Raises NotFoundError, DamagedError, NewerFormatError.
        """
        from newfound.store.project_file import read_project_file

        root = Path(directory) if directory is not None else _found()
        read_project_file(Layout(root))
        return Project(root)

    def status(self) -> dict[str, Any]:
        """Summarise data, versions and campaigns, what is stale, and the next command to run."""
        from newfound.status import status

        return status(self.layout)

    def verify(self, deep: bool = False) -> dict[str, Any]:
        """Check files against what was written; raises DamagedError naming each damaged one."""
        from newfound.store.verify import verify

        return verify(self.layout, deep)

    def compact(self, older_than: int | None = None) -> dict[str, Any]:
        """Merge small files and remove what nothing refers to; also responses logged before `older_than`, Unix seconds.

        Data that solution versions were trained on stays until these are deleted.
        """
        from newfound.store.compact import compact
        from newfound.training import table_versions_in_use

        pinned = table_versions_in_use(self.layout)
        return compact(
            self.layout, pinned=pinned, responses_before=older_than, lock_timeout=self.lock_timeout
        )

    def simulate(
        self,
        *,
        world: str = "project",
        days: float = 10.0,
        requests_per_hour: float = 300.0,
        num_results: int = 10,
        users: int = 2_000,
        weights: Sequence[float] | None = None,
        policies: Sequence[str] | None = None,
        seed: int = 0,
        seeds: int = 1,
        full_every: float = 5.0,
        output: str | Path | None = None,
        progress: ProgressCallback = silent,
    ) -> dict[str, Any]:
        """Play exploration weights and other policies in a closed loop: which weight suits a site like this?

        `world`: "project", fitted on this project's data, or a preset (then as the function `simulate`, which needs
        no project). Raises UsageError, TooLittleDataError.
        """
        from newfound.simulation.presets import synthetic_world
        from newfound.simulation.project_world import project_world
        from newfound.simulation.simulate import NAMES, PRESETS, WEIGHTS, Plan
        from newfound.simulation.simulate import simulate as play

        if world not in (*PRESETS, "project"):
            raise UsageError(
                f"there is no world {world!r}", f"choose one of {', '.join((*PRESETS, 'project'))}"
            )
        if not 100 <= users <= 100_000:
            raise UsageError(f"{users} users cannot be simulated", "choose 100 to 100000")
        plan = Plan(
            days=days,
            requests_per_hour=requests_per_hour,
            k=num_results,
            seeds=tuple(range(seed, seed + seeds)),
            full_every_days=full_every,
            weights=tuple(WEIGHTS if weights is None else weights),
            others=tuple(NAMES if policies is None else policies),
        )

        def make(one: int) -> World:
            if world == "project":
                return project_world(self.layout, days, one)
            return synthetic_world(world, days, users, one)

        return play(plan, make, None if output is None else Path(output), progress)

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
        from newfound.schema.builtin import builtin
        from newfound.schema.registry import registered

        found = []
        for name in ("interactions", "items", "users"):
            own = registered(self.layout, name)
            source = "built-in" if own is None else "registered"
            found.append({"dataset": name, "source": source, "fields": len((own or builtin(name)).fields)})
        return found

    def schema(self, dataset: str) -> dict[str, Any]:
        """Show the schema document in force for a dataset."""
        from newfound.schema.registry import document_for

        return document_for(self.layout, dataset).to_dict()

    # -- solutions ---------------------------------------------------------------------------------------------

    def create_solution(
        self,
        name: str,
        recipe: str = "user-personalization",
        event_type: str | None = None,
        event_value_threshold: float | None = None,
        hyperparameters: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Create a solution: a recipe with its settings."""
        from newfound.solutions import Solution, check_hyperparameters, create_solution

        chosen = dict(hyperparameters or {})
        check_hyperparameters(recipe, chosen)
        solution = Solution(name, recipe, event_type, event_value_threshold, chosen)
        made, created = create_solution(self.layout, solution)
        return self.solution(made.name) | {"created": created}

    def train(
        self,
        name: str = "default",
        mode: str = "full",
        *,
        seed: int = 0,
        resume: bool = False,
        max_minutes: float | None = None,
        tune: int = 0,
        in_time: bool = False,
        from_scratch: bool = False,
        parent: str | None = None,
        progress: ProgressCallback = silent,
    ) -> dict[str, Any]:
        """Train a new version: `full` from all data, `update` from what arrived since its parent.

        `tune`: so many settings are tried first; `in_time`: a second model, of the past alone, is judged on what came
        after; `from_scratch`: the last FULL's weights are left alone.
        """
        from newfound.training import FullOptions, train_full, train_update

        options = FullOptions(seed, max_minutes, tune, in_time, from_scratch)
        if mode == "update":
            if resume or options != FullOptions(seed):
                raise UsageError(
                    "--resume, --max-minutes, --tune, --in-time and --from-scratch belong to --mode full",
                    "an UPDATE takes seconds",
                )
            return train_update(self.layout, name, seed=seed, parent=parent, lock_timeout=self.lock_timeout)
        if mode != "full" or parent is not None:
            problem = f"training mode {mode!r}" if mode != "full" else "--parent in a FULL training"
            raise UsageError(
                f"{problem} has no meaning", "use --mode full, or --mode update with or without --parent"
            )
        return train_full(
            self.layout, name, options, resume=resume, lock_timeout=self.lock_timeout, progress=progress
        )

    def solutions(self) -> list[dict[str, Any]]:
        """List solutions with their newest versions."""
        from newfound.solutions import list_solutions
        from newfound.store.versions import list_versions, newest_active

        found = []
        for solution in list_solutions(self.layout):
            versions = list_versions(self.layout, solution.name)
            newest = newest_active(self.layout, solution.name)
            found.append(
                {
                    "name": solution.name,
                    "recipe": solution.recipe,
                    "solutionVersion": newest.name if newest else None,
                    "status": versions[-1].status if versions else None,
                    "versions": len(versions),
                }
            )
        return found

    def solution(self, reference: str, item: str | None = None) -> dict[str, Any]:
        """Describe a solution, one version of it (`default@v2`), or what a version knows of an item."""
        from newfound.solutions import read_solution
        from newfound.store.versions import find_version, newest_active, parse_reference
        from newfound.training import describe_training

        if item is not None:
            return self._item_story(reference, item)
        name, number = parse_reference(reference)
        if number is not None:
            return describe_training(find_version(self.layout, reference))
        found = read_solution(self.layout, name)
        newest = newest_active(self.layout, name)
        return found.to_dict() | {"latestSolutionVersion": newest.name if newest else None}

    def _item_story(self, reference: str, item: str) -> dict[str, Any]:
        import numpy as np

        from newfound.explore.settings import ExplorationSettings
        from newfound.serving.bundle import open_bundle
        from newfound.store.versions import find_version
        from newfound.stories import tell, usual_quality

        version = find_version(self.layout, reference)
        bundle = open_bundle(version.serving)
        code = bundle.item_code(item)
        if code < 0:
            raise NotFoundError(
                f"{version.name} knows no item {item!r}",
                "put the item or an event of it, then run `newfound solution train --mode update`",
            )
        [story] = tell(bundle, np.array([code]), ExplorationSettings())
        found = {"solutionVersion": version.name, "usualQuality": usual_quality(bundle)}
        return found | story.to_dict()

    def versions(self, name: str = "default") -> list[dict[str, Any]]:
        """List the versions of a solution, the ones in progress or failed included."""
        from newfound.solutions import read_solution
        from newfound.store.versions import list_versions
        from newfound.training import describe_training

        read_solution(self.layout, name)
        return [describe_training(version) for version in list_versions(self.layout, name)]

    def metrics(self, reference: str = "default") -> dict[str, Any]:
        """Show the offline metrics of a version, beside popularity and sequential rules, and what they say in words."""
        from newfound.training import describe_metrics

        return describe_metrics(self.layout, reference)

    def delete_solution(self, reference: str) -> dict[str, Any]:
        """Delete a solution or one version; refused while a campaign serves it."""
        from newfound.solutions import delete_solution

        delete_solution(self.layout, reference, self.lock_timeout)
        return {"name": reference, "deleted": True}

    # -- campaigns ---------------------------------------------------------------------------------------------

    def create_campaign(
        self,
        name: str = "default",
        solution: str | None = None,
        exploration_weight: float | None = None,
        exploration_item_age_cutoff: float | None = None,
        follow_latest: bool | None = None,
    ) -> dict[str, Any]:
        """Create a campaign on a version (default: the newest ACTIVE one, pinned)."""
        from newfound.campaigns import create_campaign

        campaign, created = create_campaign(
            self.layout,
            name,
            solution or "default",
            exploration_weight,
            exploration_item_age_cutoff,
            bool(follow_latest),
        )
        return campaign.to_dict() | {"created": created}

    def update_campaign(
        self,
        name: str = "default",
        solution: str | None = None,
        exploration_weight: float | None = None,
        exploration_item_age_cutoff: float | None = None,
        follow_latest: bool | None = None,
    ) -> dict[str, Any]:
        """Move a campaign to the newest version, or to the given one, or change its exploration."""
        from newfound.campaigns import update_campaign

        campaign, updated = update_campaign(
            self.layout,
            name,
            solution,
            exploration_weight,
            exploration_item_age_cutoff,
            follow_latest,
            self.lock_timeout,
        )
        return campaign.to_dict() | {"updated": updated}

    def campaigns(self) -> list[dict[str, Any]]:
        """List campaigns."""
        from newfound.campaigns import list_campaigns

        return [campaign.to_dict() for campaign in list_campaigns(self.layout)]

    def campaign(self, name: str = "default") -> dict[str, Any]:
        """Describe a campaign."""
        from newfound.campaigns import read_campaign, serving_version

        found = read_campaign(self.layout, name)
        return found.to_dict() | {"servingVersion": serving_version(self.layout, found).name}

    def campaign_report(self, name: str = "default", limit: int = 50) -> dict[str, Any]:
        """Say how the young items of the serving version are doing: the `limit` most shown ones, and counts of all."""
        from newfound.campaigns import read_campaign, serving_version
        from newfound.serving.bundle import open_bundle
        from newfound.stories import report

        found = read_campaign(self.layout, name)
        version = serving_version(self.layout, found)
        described = {
            "campaign": name,
            "solutionVersion": version.name,
            "explorationWeight": found.exploration_weight,
            "explorationItemAgeCutoff": found.item_age_cutoff_days,
        }
        return described | report(open_bundle(version.serving), found.settings, limit)

    def delete_campaign(self, name: str) -> dict[str, Any]:
        """Delete a campaign; its versions stay."""
        from newfound.campaigns import delete_campaign

        delete_campaign(self.layout, name)
        return {"name": name, "deleted": True}

    # -- recommending ------------------------------------------------------------------------------------------

    def recommend(
        self,
        user: str,
        *,
        rank_items: Sequence[str] | None = None,
        campaign: str = "default",
        num_results: int = 25,
        filter: str | None = None,  # the command line's name
        filter_values: Mapping[str, str] | None = None,
        explain: bool = False,
        seed: int | None = None,
        log: bool = True,
        at: str | None = None,
    ) -> dict[str, Any]:
        """Recommend items for a user, or rank the given ones; the response is logged unless `log` is False."""
        from newfound.recommending import Options, recommend

        options = Options(campaign, num_results, filter, filter_values, explain, seed, log, at)
        return recommend(self.layout, options, user, rank_items, self.lock_timeout)

    def recommend_batch(
        self,
        input: str | Path,  # the command line's name
        output: str | Path,
        *,
        campaign: str = "default",
        num_results: int = 25,
        filter: str | None = None,  # the command line's name
        filter_values: Mapping[str, str] | None = None,
        seed: int | None = None,
        log: bool = True,
        at: str | None = None,
        progress: ProgressCallback = silent,
    ) -> dict[str, Any]:
        """Answer a file of JSON Lines requests into another; returns a summary."""
        from newfound.batch import recommend_batch
        from newfound.recommending import Options

        options = Options(campaign, num_results, filter, filter_values, False, seed, log, at)
        return recommend_batch(self.layout, options, Path(input), Path(output), self.lock_timeout, progress)

    def evaluate(
        self,
        *,
        campaign: str = "default",
        version: str | None = None,
        exploration_weight: float | None = None,
        exploration_item_age_cutoff: float | None = None,
        target: str | None = None,
        event_type: str | None = None,
        count_silent: bool = False,
        estimator: str = "snips",
        clip: float = 100.0,
        seed: int = 0,
        progress: ProgressCallback = silent,
    ) -> dict[str, Any]:
        """Estimate from a campaign's log what another weight, version or campaign (`target`) would have earned.

        Raises QualityGateError when the log cannot answer.
        """
        from newfound.evaluating import Policy, campaign_policy, evaluate
        from newfound.evaluation.off_policy import Method

        method = Method(estimator, clip, seed)
        policy = Policy(version, exploration_weight, exploration_item_age_cutoff)
        if target is not None:
            if policy != Policy():
                raise UsageError(
                    "--target already says which policy", "name no version, weight or cut-off with it"
                )
            policy = campaign_policy(self.layout, target)
        return evaluate(
            self.layout,
            campaign,
            policy,
            method,
            event_type=event_type,
            count_silent=count_silent,
            progress=progress,
        )

    # -- filters -----------------------------------------------------------------------------------------------

    def create_filter(self, name: str, expression: str) -> dict[str, Any]:
        """Store a filter expression under a name."""
        from newfound.item_filters import create_filter

        record, created = create_filter(self.layout, name, expression)
        return record | {"created": created}

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
        from newfound.serving.filters import parse_filter

        return {"valid": True, "parameters": list(parse_filter(expression).parameters)}

    def delete_filter(self, name: str) -> dict[str, Any]:
        """Delete a named filter."""
        from newfound.item_filters import delete_filter

        delete_filter(self.layout, name)
        return {"name": name, "deleted": True}


def simulate(*, world: str = "churn", **options: Any) -> dict[str, Any]:  # noqa: ANN401  # as Project.simulate
    """Play exploration in a synthetic world, without a project: `Project.simulate` with a preset."""
    if world == "project":
        return Project.open().simulate(world=world, **options)
    return Project(Path()).simulate(world=world, **options)


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


def _found() -> Path:
    if stated := os.environ.get(ENVIRONMENT):
        return Path(stated)
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "newfound.json").exists():
            return folder
    raise NotFoundError(
        f"no project in {here} or above", "run `newfound init`, or name a project with -C DIR", str(here)
    )


__all__ = ["Project", "check_schema", "evaluate_log", "infer_schema", "simulate"]
