"""Settings of the course's site, read by Sphinx."""

from pathlib import Path

project = "emolab"
copyright = "the emolab authors, Apache-2.0"
html_title = "emolab, the course"
extensions = ["myst_nb", "sphinx.ext.mathjax"]
nb_execution_mode = "off"
nb_merge_streams = True
nb_render_markdown_format = "myst"
myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "html_image"]
myst_heading_anchors = 3
mathjax_path = "tex-svg.js" if (Path(__file__).parent / "_static" / "tex-svg.js").is_file() else ""
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["course.css"]
html_show_sphinx = False
html_copy_source = False
exclude_patterns = ["_build"]
suppress_warnings = ["myst.header", "myst.xref_missing", "mystnb.unknown_mime_type", "toc.not_included"]
