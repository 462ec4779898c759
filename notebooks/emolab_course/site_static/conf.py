"""Settings of the course's site, read by Sphinx. Formulas become MathML, which browsers draw without a script."""

import re
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert

project = "emolab"
copyright = "the emolab authors, Apache-2.0"
html_title = "emolab, the course"
extensions = ["myst_nb", "sphinx.ext.autodoc"]
nb_execution_mode = "off"
nb_merge_streams = True
nb_ipywidgets_js: dict[str, Any] = {}  # the site asks no other host for scripts
nb_render_markdown_format = "myst"
myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "html_image"]
myst_heading_anchors = 3
myst_update_mathjax = False
html_math_renderer = "mathml"
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["course.css"]
html_show_sphinx = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
default_role = "literal"  # docstrings here mark code with single backticks
exclude_patterns = ["_build"]
suppress_warnings = ["myst.header", "myst.xref_missing", "mystnb.unknown_mime_type", "toc.not_included", "docutils"]
CODE = re.compile(r"(`+[^`]*`+)")


def plain(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are plain text: what reStructuredText would read as its own marks is escaped; indented examples that
    follow an empty line become blocks of code."""
    found: list[str] = []
    code, listed = False, False
    for i, line in enumerate(lines):
        if line.strip() and not line.startswith("    "):
            code = False
        elif line.startswith("    ") and not code and not listed and i and not lines[i - 1].strip():
            found += ["::", ""]
            code = True
        listed = line.lstrip().startswith(("- ", ">>>")) or (listed and bool(line.strip()))
        if code or line.lstrip().startswith((">>>", "...")):
            found.append(line)
        else:
            parts = CODE.split(line)
            found.append("".join(p if p[:1] == "`" else re.sub(r"([*|_\\])", r"\\\1", p) for p in parts))
    lines[:] = found


def inline_formula(self: Any, node: Any) -> None:
    """A formula in a line."""
    self.body.append(convert(node.astext()))
    raise nodes.SkipNode


def formula(self: Any, node: Any) -> None:
    """A formula that stands alone; one that is wider than the page scrolls."""
    self.body.append(f'<div class="formula">{convert(node.astext(), display="block")}</div>')
    raise nodes.SkipNode


def setup(app: Any) -> None:
    app.connect("autodoc-process-docstring", plain)
    app.add_html_math_renderer("mathml", (inline_formula, None), (formula, None))
