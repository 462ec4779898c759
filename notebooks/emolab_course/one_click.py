"""Links that open the notebooks on somebody else's machine. They need a public copy of the repository, and one setting.

The setting is `repository = "OWNER/NAME"` under `[tool.emolab-course]` in `notebooks/pyproject.toml`. While it is
empty there is no public copy, and no link is made. `emolab course badges` prints the links, also for another copy.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from emolab.errors import EmolabError
from emolab_course.paths import notebooks_folder, sources

HOSTS = {
    "Colab": "https://colab.research.google.com/github/{repository}/blob/{branch}/{notebook}",
    "Kaggle": "https://kaggle.com/kernels/welcome?src=https://github.com/{repository}/blob/{branch}/{notebook}",
    "Binder": "https://mybinder.org/v2/gh/{repository}/{branch}?labpath={notebook}",
}
"""What each host's address looks like; `notebook` is a path in the repository."""
INSTALL = (
    "pip install 'emolab[course] @ git+https://github.com/{repository}@{branch}' "
    "'emolab-corpora @ git+https://github.com/{repository}@{branch}#subdirectory=data_scripts/corpora' "
    "'emolab-course @ git+https://github.com/{repository}@{branch}#subdirectory=notebooks'"
)


def repository() -> str:
    """The public copy that the setting names, "" where there is none."""
    settings = notebooks_folder() / "pyproject.toml"
    if not settings.is_file():
        return ""
    table = tomllib.loads(settings.read_text(encoding="utf-8")).get("tool", {}).get("emolab-course", {})
    return str(table.get("repository", ""))


def links(public: str = "", branch: str = "main") -> dict[str, dict[str, str]]:
    """For each notebook, by its stem, the address at each of HOSTS. Raises EmolabError without a public copy, or for
    one that is not of the form OWNER/NAME.
    """
    chosen = _checked(public)
    return {
        path.stem: {
            host: form.format(repository=chosen, branch=branch, notebook=f"notebooks/{path.stem}.ipynb")
            for host, form in HOSTS.items()
        }
        for path in sources()
    }


def badges(public: str = "", branch: str = "main") -> str:
    """The links as a Markdown table, and under it what the first cell at a host that installs nothing has to run."""
    rows = [f"| notebook | {' | '.join(HOSTS)} |", f"|---|{'---|' * len(HOSTS)}"]
    for stem, at in links(public, branch).items():
        rows.append(f"| {stem} | {' | '.join(f'[open in {host}]({url})' for host, url in at.items())} |")
    command = INSTALL.format(repository=_checked(public), branch=branch)
    return "\n".join([*rows, "", "On Colab and Kaggle, run this in a new first cell, and restart the session:", "",
                      f"    %{command}", ""])  # fmt: skip


def _checked(public: str) -> str:
    chosen = public or repository()
    if not chosen:
        place = Path("notebooks") / "pyproject.toml"
        raise EmolabError(f"no public copy is named: set repository in {place}, or give --repository OWNER/NAME")
    if chosen.count("/") != 1 or not all(chosen.split("/")) or ":" in chosen or " " in chosen:
        raise EmolabError(f"{chosen}: expected OWNER/NAME, as in the address of the repository")
    return chosen
