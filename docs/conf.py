"""How the site is built: `make docs`."""

import gc
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

from telephony import __version__

# Pages are many small objects that stay: looking through them again and again takes a third of
# the time.
gc.set_threshold(500_000, 10, 1000)

project = "telephony"
author = "the authors of telephony"
release = version = __version__
html_title = f"telephony {__version__}"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "docstrings",
    "made",
    "llms",
]
highlight_language = "python"
exclude_patterns = ["_ext"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

smartquotes_action = "qe"  # not dashes: `--version` stays as it is
html_theme = "furo"
pygments_dark_style = "a11y-high-contrast-dark"
html_static_path = ["_static"]
html_css_files = ["wide.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True
copybutton_only_copy_prompt_lines = True

default_role = "name"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
add_module_names = False
autodoc_type_aliases = {
    "App": "ASGIApplication",
    "BlockingHandler": "Callable[[Event], HandlerResult]",
    "Event": "telephony.webhooks.Event",
    "Handler": "Callable[[Event], HandlerResult | Awaitable[HandlerResult]]",
    "WSGIApplication": "wsgiref.types.WSGIApplication",
}
napoleon_numpy_docstring = False
nitpick_ignore_regex = [
    # Of other packages, whose documentation is not here.
    (
        r"py:.*",
        r"(collections|datetime|enum|importlib|logging|msgspec|os|pathlib|pydantic|pytest|starlette|threading"
        r"|types|wsgiref)\..*|ASGIApplication|Awaitable|Callable|EntryPoint|NoneType",
    ),
    # Parts of the sandbox that its users do not touch.
    (r"py:.*", r"telephony\.sandbox\.\w+\..*"),
    # Variables of types.
    (r"py:.*", r"telephony\..*\.(M|R|T|T_co)"),
    # The keywords of `connect`, all of which are on the page of settings.
    (r"py:.*", r"Settings"),
]
