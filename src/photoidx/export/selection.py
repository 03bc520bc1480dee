"""Which photos an export is about: the picks, those for which a condition holds, or those of a cluster."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from photoidx.config import Config
from photoidx.errors import ExportError
from photoidx.export.known import picked_shots
from photoidx.queries.decisions.view import Flag, read_view
from photoidx.storage.store import Store


@dataclass(frozen=True)
class Selection:
    """Photos by what is wanted of them: all that is given must hold. Nothing given stands for all photos.

    `picks`: the pick of each burst, and what you chose and keep; never what you rejected. `where`: a condition in SQL
    over the view `photos`. `cluster`: a cluster's id.
    """

    picks: bool = False
    where: str | None = None
    cluster: str | None = None

    @property
    def is_all(self) -> bool:
        """Whether nothing is asked for."""
        return not self.picks and self.where is None and self.cluster is None


def chosen_paths(store: Store, selection: Selection, config: Config | None = None) -> set[str] | None:
    """Return the paths of the photos, as tables have them; None for all. Raises QueryError, ExportError."""
    if selection.is_all:
        return None
    found: list[set[str]] = []
    if selection.picks:
        found.append(paths_of_shots(store, pick_shots(store)))
    if selection.where is not None:
        from photoidx.queries.sql.process import paths_where  # noqa: PLC0415 - brings DuckDB

        found.append(paths_where(store, selection.where, config))
    if selection.cluster is not None:
        clusters = cluster_shots(store)
        if selection.cluster not in clusters:
            raise ExportError(f"There is no cluster {selection.cluster}. `photoidx clusters` lists them.")
        found.append(paths_of_shots(store, clusters[selection.cluster][1]))
    return set.intersection(*found)


def pick_shots(store: Store) -> frozenset[str]:
    """Return the shots that are picks: of each burst what is to be kept of it, and what you chose and keep."""
    flags = read_view(store).flags
    wanted = {shot_id for shot_id, flag in flags.items() if flag in {Flag.CHOSEN, Flag.KEPT}}
    rejected = {shot_id for shot_id, flag in flags.items() if flag is Flag.REJECTED}
    return frozenset((picked_shots(store) | wanted) - rejected)


def cluster_shots(store: Store) -> dict[str, tuple[str, set[str]]]:
    """Return the clusters as they were found last: for each id its label and its shots, those of one press together."""
    from photoidx.queries.clusters.table import find_clusters  # noqa: PLC0415 - brings NumPy's relatives

    return {
        each.cluster_id: (each.label, {shot_id for member in each.members for shot_id in member.shots})
        for each in find_clusters(store)
        if each.cluster_id is not None
    }


def paths_of_shots(store: Store, shots: Iterable[str]) -> set[str]:
    """Return the paths of the photo files of shots."""
    wanted = set(shots)
    files = store.read("files", ["path", "shot_id", "kind"])
    return {row["path"] for row in files.to_pylist() if row["shot_id"] in wanted and row["kind"] == "photo"}
