"""Pages of the site that lie beside `docs/` (README, CONTRIBUTING, ...), and links to what is no page."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
PAGES = {  # files of the repository, and the pages they are on the site
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "plugins/README.md": "plugins.md",
    **{f"plugins/{daw}/README.md": f"plugins/{daw}.md" for daw in ("ableton", "ardour", "bitwig", "reaper")},
}
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that lie beside `docs/`."""
    for source, page in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Let links lead where the site has their targets; a file that it does not have becomes its name."""
    sources = {name: source for source, name in PAGES.items()}
    source = sources.get(page.file.src_uri, f"docs/{page.file.src_uri}")

    def replaced(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), match[1]))
        on_site = PAGES.get(target) or (target.removeprefix("docs/") if target.startswith("docs/") else None)
        if on_site is None:
            return f"] (`{target}`)"
        here = posixpath.dirname(page.file.src_uri) or "."
        return f"]({posixpath.relpath(on_site, here)}{match[2] or ''})"

    return LINK.sub(replaced, markdown)
