from hypothesis import given
from hypothesis import strategies as st

from photoidx.indexer.media.walk import FileState, Listing
from photoidx.indexer.scan.plan import KnownFile, Verdict, plan

NOW = 10**18
SETTLE = 2 * 10**9
OLD = FileState(100, NOW - 10**12, 7)


def listing(**files: FileState) -> Listing:
    return Listing("/p", {f"/p/{name}": state for name, state in files.items()})


def known(**files: FileState) -> dict[str, KnownFile]:
    return {f"/p/{name}": KnownFile(state, f"id-{name}", "/p") for name, state in files.items()}


def verdicts(found: Listing, held: dict[str, KnownFile], **options: bool) -> dict[str, Verdict]:
    return {decision.path: decision.verdict for decision in plan([found], held, NOW, SETTLE, **options).decisions}


def test_a_file_that_is_not_in_the_tables_is_new():
    assert verdicts(listing(a=OLD), {}) == {"/p/a": Verdict.NEW}


def test_a_file_with_the_same_size_time_and_inode_is_unchanged():
    result = plan([listing(a=OLD)], known(a=OLD), NOW, SETTLE)
    assert result.unchanged == ["/p/a"]
    assert result.decisions == []


def test_another_size_time_or_inode_is_a_change_and_the_reason_names_it():
    for name, state in {
        "size": FileState(101, OLD.mtime_ns, 7),
        "mtime_ns": FileState(100, OLD.mtime_ns + 1, 7),
        "inode": FileState(100, OLD.mtime_ns, 8),
    }.items():
        (decision,) = plan([listing(a=state)], known(a=OLD), NOW, SETTLE).decisions
        assert decision.verdict is Verdict.CHANGED
        assert decision.reason.startswith(name)


def test_a_file_written_a_moment_ago_is_not_settled():
    assert verdicts(listing(a=FileState(1, NOW - 10**9, 1)), {}) == {"/p/a": Verdict.UNSETTLED}


def test_a_file_whose_time_lies_in_the_future_is_not_waited_for():
    assert verdicts(listing(a=FileState(1, NOW + 10**12, 1)), {}) == {"/p/a": Verdict.NEW}


def test_a_missing_file_with_the_state_of_a_new_one_has_moved():
    (decision,) = plan([listing(b=OLD)], known(a=OLD), NOW, SETTLE).decisions
    assert (decision.verdict, decision.path, decision.source) == (Verdict.MOVED, "/p/b", "/p/a")


def test_a_copy_with_the_same_state_is_no_move_while_the_first_file_is_there():
    assert verdicts(listing(a=OLD, b=OLD), known(a=OLD)) == {"/p/b": Verdict.NEW}


def test_a_file_missing_from_a_listed_folder_is_gone():
    other = FileState(1, 1, 1)
    assert verdicts(listing(b=other), known(a=OLD, b=other)) == {"/p/a": Verdict.GONE}


def test_an_emptied_root_removes_nothing_and_says_so():
    result = plan([listing()], known(a=OLD), NOW, SETTLE)
    assert result.decisions == []
    assert "suddenly empty" in result.warnings[0]


def test_an_emptied_root_is_believed_when_the_user_says_so():
    assert verdicts(listing(), known(a=OLD), allow_empty=True) == {"/p/a": Verdict.GONE}


def test_files_below_a_folder_that_cannot_be_listed_stay():
    found = listing(b=FileState(1, 1, 1))
    found.unlisted["/p/locked"] = "Permission denied"
    result = plan([found], {"/p/locked/a": KnownFile(OLD, "id", "/p")}, NOW, SETTLE)
    assert Verdict.GONE not in {decision.verdict for decision in result.decisions}
    assert "Permission denied" in result.warnings[0]


def test_files_of_other_roots_are_not_judged():
    assert verdicts(listing(a=OLD), {"/q/z": KnownFile(OLD, "id", "/q")}) == {"/p/a": Verdict.NEW}


states = st.builds(FileState, st.integers(0, 3), st.integers(NOW - 10**13, NOW + 10**9), st.integers(1, 4))
folders = st.dictionaries(st.sampled_from("abcdef"), states, max_size=6)


@given(folders, folders)
def test_every_file_gets_exactly_one_verdict(on_disk: dict[str, FileState], in_tables: dict[str, FileState]):
    result = plan([listing(**on_disk)], known(**in_tables), NOW, SETTLE)
    judged = [decision.path for decision in result.decisions] + result.unchanged
    sources = [decision.source for decision in result.decisions if decision.source]
    assert len(judged) == len(set(judged))
    assert len(sources) == len(set(sources))
    present = {f"/p/{name}" for name in on_disk}
    missing = {f"/p/{name}" for name in in_tables} - present if on_disk else set()
    assert set(judged) | set(sources) == present | missing
