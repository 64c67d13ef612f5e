"""Project: everything the command line does, under the same names, for notebooks and programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from newfound.progress import ProgressCallback, silent
from newfound.project_data import ProjectData
from newfound.standalone import check_schema, evaluate_log, infer_schema


class Project(ProjectData):
    """A project directory. Methods return plain dicts with the keys of the matching command's `--json` output.

    Those of `ProjectData` are about what it keeps, these about what is learned from that and answered with it.
    `lock_timeout` is how long, in seconds, a command waits for another process before BusyError.
    """

    # -- the project -------------------------------------------------------------------------------------------

    @staticmethod
    def init(directory: str | Path) -> dict[str, Any]:
        """Make an empty project; an existing one is left as it is."""
        from newfound.opening import init_project

        return init_project(Path(directory))

    @staticmethod
    def open(directory: str | Path | None = None) -> Project:
        """Open a project: this directory, else $NEWFOUND_PROJECT, else the nearest parent of the current directory.

        Raises NotFoundError, DamagedError, NewerFormatError.
        """
        from newfound.opening import find_project

        return Project(find_project(directory))

    def status(self) -> dict[str, Any]:
        """Summarise data, versions and campaigns, what is stale, and the next command to run."""
        from newfound.status import status

        return status(self.layout)

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
        from newfound.solutions import Solution, create_solution

        solution = Solution(name, recipe, event_type, event_value_threshold, dict(hyperparameters or {}))
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
        from newfound.training.options import FullOptions
        from newfound.training.train import train

        return train(
            self.layout,
            name,
            mode,
            FullOptions(seed, max_minutes, tune, in_time, from_scratch),
            resume=resume,
            parent=parent,
            lock_timeout=self.lock_timeout,
            progress=progress,
        )

    def solutions(self) -> list[dict[str, Any]]:
        """List solutions with their newest versions."""
        from newfound.solutions import summarize_solutions

        return summarize_solutions(self.layout)

    def solution(self, reference: str, item: str | None = None) -> dict[str, Any]:
        """Describe a solution, one version of it (`default@v2`), or what a version knows of an item."""
        if item is not None:
            from newfound.stories import item_story

            return item_story(self.layout, reference, item)
        from newfound.training.describe import describe_solution

        return describe_solution(self.layout, reference)

    def versions(self, name: str = "default") -> list[dict[str, Any]]:
        """List the versions of a solution, the ones in progress or failed included."""
        from newfound.training.describe import describe_versions

        return describe_versions(self.layout, name)

    def metrics(self, reference: str = "default") -> dict[str, Any]:
        """Show the offline metrics of a version, beside popularity and sequential rules, and what they say in words."""
        from newfound.training.describe import describe_metrics

        return describe_metrics(self.layout, reference)

    def delete_solution(self, reference: str) -> dict[str, Any]:
        """Delete a solution or one version; refused while a campaign serves it."""
        from newfound.solutions import delete_solution

        return delete_solution(self.layout, reference, self.lock_timeout)

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

        return create_campaign(
            self.layout, name, solution, exploration_weight, exploration_item_age_cutoff, follow_latest
        )

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

        changes = (solution, exploration_weight, exploration_item_age_cutoff, follow_latest)
        return update_campaign(self.layout, name, *changes, lock_timeout=self.lock_timeout)

    def campaigns(self) -> list[dict[str, Any]]:
        """List campaigns."""
        from newfound.campaigns import describe_campaigns

        return describe_campaigns(self.layout)

    def campaign(self, name: str = "default") -> dict[str, Any]:
        """Describe a campaign."""
        from newfound.campaigns import describe_campaign

        return describe_campaign(self.layout, name)

    def campaign_report(self, name: str = "default", limit: int = 50) -> dict[str, Any]:
        """Say how the young items of the serving version are doing: the `limit` most shown ones, and counts of all."""
        from newfound.stories import campaign_report

        return campaign_report(self.layout, name, limit)

    def delete_campaign(self, name: str) -> dict[str, Any]:
        """Delete a campaign; its versions stay."""
        from newfound.campaigns import delete_campaign

        return delete_campaign(self.layout, name)

    # -- recommending ------------------------------------------------------------------------------------------

    def recommend(
        self,
        user: str,
        *,
        rank_items: Sequence[str] | None = None,
        campaign: str = "default",
        num_results: int | None = None,
        filter: str | None = None,  # the command line's name
        filter_values: Mapping[str, str] | None = None,
        explain: bool = False,
        seed: int | None = None,
        log: bool = True,
        at: str | None = None,
    ) -> dict[str, Any]:
        """Recommend items for a user, or rank the given ones; the response is logged unless `log` is False.

        `num_results`: None for 25, or for all of `rank_items`.
        """
        from newfound.recommending import Options, recommend

        options = Options(campaign, num_results, filter, filter_values, explain, seed, log, at)
        return recommend(self.layout, options, user, rank_items, self.lock_timeout)

    def recommend_batch(
        self,
        input: str | Path,  # the command line's name
        output: str | Path,
        *,
        campaign: str = "default",
        num_results: int | None = None,
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
        from newfound.evaluating import Policy, evaluate
        from newfound.evaluation.off_policy import Method

        return evaluate(
            self.layout,
            campaign,
            Policy(version, exploration_weight, exploration_item_age_cutoff),
            Method(estimator, clip, seed),
            target=target,
            event_type=event_type,
            count_silent=count_silent,
            progress=progress,
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
        from newfound.simulating import plan, simulate

        chosen = plan(
            days, requests_per_hour, num_results, range(seed, seed + seeds), full_every, weights, policies
        )
        return simulate(self.layout, world, users, chosen, output, progress)


def simulate(*, world: str = "churn", **options: Any) -> dict[str, Any]:  # noqa: ANN401  # as Project.simulate
    """Play exploration in a synthetic world, without a project: `Project.simulate` with a preset."""
    if world == "project":
        return Project.open().simulate(world=world, **options)
    return Project(Path()).simulate(world=world, **options)


__all__ = ["Project", "check_schema", "evaluate_log", "infer_schema", "simulate"]
