"""The committed notebooks: what their sources build, within the rules; and the machinery on a small notebook."""

from __future__ import annotations

import ast
import json
import textwrap

import nbformat
import pytest
from emolab_course import build, cost, lint, readme, show, source
from emolab_course.check import exercise
from emolab_course.paths import number_of, sources
from emolab_course.run import execute, publish, run_course

from emolab.errors import EmolabError
from emolab.paths import CHECKOUT

GOOD = '''\
# %% [markdown]
# # 03 Rewards
#
# **After this notebook you can** score an answer.
#
# **You need** nothing.
#
# <!-- cost study=20 -->

# %%
import os
setup = os.environ.get  # a stand-in
setup("03")

# %%
2 + 3

# %% [markdown]
# ## Summary
#
# <!-- exercise 3.1 -->
# The area of a circle.

# %% tags=["exercise"] exercise="3.1"
import math


def area(radius):
    """Return the area of a circle.

    Radius in metres.
    """
    squared = radius**2
    return math.pi * squared


# %% tags=["check"]
print("checked", math.pi)

# %% [markdown]
# ## Tweak this
'''


@pytest.fixture
def notebook(tmp_path):
    path = tmp_path / "notebooks" / "src" / "03_rewards.py"
    path.parent.mkdir(parents=True)
    path.write_text(GOOD, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.stem)
def test_committed_notebooks_keep_the_rules(path):
    assert [str(problem) for problem in lint.lint(path)] == []


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.stem)
def test_a_rebuild_changes_nothing_and_outputs_are_fresh(path):
    assert [str(problem) for problem in lint.freshness(path)] == []


def test_building_twice_gives_the_same_text(notebook):
    first = build.build(notebook)
    assert build.write(first) != []
    assert build.build(notebook) == first
    assert build.write(first) == []


def test_the_learner_gets_a_stub_with_signature_docstring_and_a_message(notebook):
    cell = next(c for c in source.learner(source.read(notebook), notebook).cells if "exercise" in source.tags(c))
    names = {}
    exec(cell.source, names)
    assert "Radius in metres." in names["area"].__doc__
    assert "squared" not in cell.source
    with pytest.raises(NotImplementedError, match=r"Exercise 3\.1: Return the area of a circle\."):
        names["area"](1.0)


def test_an_answer_that_is_no_function_becomes_an_ellipsis_below_its_comments(notebook):
    code = '# A letter from a to f.\nletters = "abc"\nmy_answer = letters[2]'
    assert source.stub(code, "3.1", notebook, 0) == "# A letter from a to f.\nmy_answer = ..."


def test_the_card_comes_from_the_registry_and_the_model_answer_stands_in_the_solved_notebook_alone(notebook):
    solved = source.read(notebook)
    text, learner = (
        "\n".join(cell.source for cell in made.cells) for made in (solved, source.learner(solved, notebook))
    )
    asked = exercise("3.1")
    for seen in (text, learner):
        assert f"## Exercise 3.1 · {asked.title}" in seen and asked.why in seen
        assert f"about {asked.minutes} minutes" in seen and "★" in seen
    assert asked.reasoning in text and asked.reasoning not in learner


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("# # 03 Rewards", "# # Rewards", "the title must start"),
        ("# **You need** nothing.", "# Welcome.", "You need"),
        ('setup("03")', 'setup("04")', 'must call setup("03")'),
        ("2 + 3", "def helper():\n    return 1", "defines helper"),
        ("2 + 3", "\n".join(f"a{n} = {n}" for n in range(30)), "at most 25"),
        ("2 + 3", '"' + "x" * 90 + '"', "at most 79"),
        ("# ## Summary", "# ## The end", "## Summary"),
        ('# %% tags=["check"]', "# %%", 'one tagged "check"'),
        ("<!-- exercise 3.1 -->", "<!-- exercise 3.1 -->\n#\n# <!-- exercise 4.1 -->", "stand above cells of"),
    ],
)
def test_a_broken_rule_is_named(notebook, old, new, message):
    assert lint.lint(notebook) == []
    notebook.write_text(GOOD.replace(old, new), encoding="utf-8")
    assert any(message in str(problem) for problem in lint.lint(notebook))


@pytest.mark.parametrize(
    "cell",
    [
        '# %% tags=["exercise"]\nx = 1',
        '# %% tags=["exercise"] exercise="1.1"\nx + 1',
        '# %% tags=["exercise"] exercise="1.1"\ndef f():\n    return 1',
        "# %%\n1 +",
    ],
)
def test_a_malformed_cell_is_an_error_that_names_it(notebook, cell):
    notebook.write_text(cell + "\n", encoding="utf-8")
    with pytest.raises(EmolabError, match="cell 0"):
        source.learner(source.read(notebook), notebook)


def test_execution_stamps_light_outputs_which_a_changed_source_loses(notebook):
    ran = execute(notebook)
    assert ran.error == ""
    assert 0 <= ran.memory_gb < 4
    build.write(build.build(notebook, ran))
    learner_path, solution_path = build.targets(notebook)
    solution, learner = (nbformat.read(path, as_version=4) for path in (solution_path, learner_path))
    stamp = solution.metadata["emolab"]
    assert stamp["source_sha256"] == source.source_hash(notebook)
    assert stamp["run"]["seconds"] > 0 and "torch" in stamp["run"]["versions"]
    outputs = [output for cell in solution.cells if cell.cell_type == "code" for output in cell.outputs]
    assert any(output.get("data", {}).get("text/plain") == "5" for output in outputs)
    assert all(cell.execution_count is None for cell in solution.cells if cell.cell_type == "code")
    assert not any("checked" in str(cell.get("outputs")) for cell in learner.cells)
    assert lint.freshness(notebook) == []
    assert build.write(build.build(notebook)) == []

    notebook.write_text(GOOD.replace("2 + 3", "2 + 4"), encoding="utf-8")
    assert any("differs from its source" in problem.message for problem in lint.freshness(notebook))
    build.write(build.build(notebook))
    assert any("stale or missing" in problem.message for problem in lint.freshness(notebook))


def test_running_the_course_goes_on_after_a_failure_and_publishes_what_ran(notebook, tmp_path, monkeypatch):
    failing = notebook.with_name("04_broken.py")
    failing.write_text(textwrap.dedent('# %%\nraise RuntimeError("on purpose")\n'), encoding="utf-8")
    summary, ran = run_course([failing, notebook])
    assert list(summary) == ["seconds", "notebooks"]
    assert [(row["name"], row["ok"]) for row in summary["notebooks"]] == [("04_broken", False), ("03_rewards", True)]
    assert all(list(row) == ["name", "seconds", "ok"] for row in summary["notebooks"])
    assert "on purpose" in str(ran["04_broken"].cells[0].outputs)

    made = []
    monkeypatch.setattr("emolab_course.site.make_site", lambda *args, **more: made.append((args, more)) or tmp_path)
    assert publish(summary, ran, folder=tmp_path / "out") == tmp_path
    assert json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8")) == summary
    ((folder, solutions, given), more), = made  # fmt: skip
    assert (folder, solutions, given) == (tmp_path / "out", False, ran)
    assert "**Failed: [04_broken](04_broken.ipynb).**" in more["note"] and "03_rewards" not in more["note"]


def test_a_kernel_that_dies_is_a_failed_notebook(notebook):
    notebook.write_text("# %%\nimport os\n\nos._exit(1)\n", encoding="utf-8")
    assert "died" in execute(notebook).error


def test_light_outputs_drop_widgets_progress_and_counts():
    outputs = nbformat.from_dict(
        [
            {"output_type": "stream", "name": "stderr", "text": "100%"},
            {"output_type": "display_data", "data": {"application/vnd.jupyter.widget-view+json": {}}, "metadata": {}},
            {"output_type": "execute_result", "data": {"text/plain": "5"}, "metadata": {"a": 1}, "execution_count": 7},
        ]
    )
    (kept,) = build.light(outputs)
    assert kept["execution_count"] is None and kept["metadata"] == {}


def test_the_cost_box_holds_measured_rows_only(notebook, tmp_path, monkeypatch):
    opening = source.read(notebook).cells[0].source
    bare = cost.with_cost(opening, "03_rewards", None)
    assert "about 20 minutes" in bare and bare.count("not measured yet") == 2
    measured = tmp_path / "notebooks.json"
    row = {"notebook": "03_rewards", "profile": "gpu-24gb", "card": "NVIDIA L4", "minutes": 1.25, "memory_gb": 9.0}
    measured.write_text(json.dumps([row, row | {"notebook": "04_grpo"}]), encoding="utf-8")
    monkeypatch.setattr(cost, "MEASURED", measured)
    full = cost.with_cost(opening, "03_rewards", {"seconds": 90.0, "memory_gb": 1.5})
    assert "| `cpu` | two CPU cores | 1.5 | 1.5 GB |" in full
    assert full.count("NVIDIA L4") == 1 and "not measured yet" not in full


def test_an_oversized_notebook_is_refused(tmp_path):
    with pytest.raises(EmolabError, match="MiB"):
        build.write({tmp_path / "big.ipynb": "x" * (build.LARGEST + 1)})


def test_the_readmes_table_is_that_of_the_committed_runs():
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    assert readme.section(text, "notebooks") == readme.notebook_table(readme.stamps())


def test_numbers_with_letters_are_read_in_order_and_named_alone():
    numbers = [number_of(path) for path in sources()]
    assert numbers == sorted(numbers) and numbers.index("03") + 1 == numbers.index("03b")
    assert [path.stem for path in sources(("03",))] == ["03_rewards"]
    assert [path.stem for path in sources(("03b", "04_g"))] == ["03b_policy_gradient", "04_grpo"]


def test_the_road_map_names_every_notebook_with_its_study_minutes():
    rows = [readme.row_of(path) for path in sources()]
    assert all(row["study"] and row["title"] for row in rows)
    table = show.road_map().data
    assert all(f"({row['name']}.ipynb) | {row['title']} | {row['study']} |" in table for row in rows)


def test_a_section_is_replaced_between_its_markers(tmp_path):
    path = tmp_path / "README.md"
    path.write_text("a\n<!-- x:begin -->\n<!-- x:end -->\nb\n", encoding="utf-8")
    readme.replace_section(path, "x", "| 1 |\n| 2 |")
    readme.replace_section(path, "x", "| 3 |")
    assert path.read_text(encoding="utf-8") == "a\n<!-- x:begin -->\n| 3 |\n<!-- x:end -->\nb\n"
    with pytest.raises(EmolabError, match="y:begin"):
        readme.replace_section(path, "y", "")


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.stem)
def test_a_skipped_exercise_blocks_no_later_cell(path):
    """A cell that is no check uses a learner's own name only after it was bound again, to the package's version."""
    asked = set()
    for cell in source.read(path).cells:
        if cell.cell_type != "code" or "check" in source.tags(cell):
            continue
        tree = ast.parse(cell.source)
        if "exercise" in source.tags(cell):
            last = tree.body[-1]
            asked.add(last.name if isinstance(last, ast.FunctionDef) else last.targets[0].id)
            continue
        names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
        asked -= {node.id for node in names if isinstance(node.ctx, ast.Store)}
        assert asked & {node.id for node in names} == set(), cell.source
