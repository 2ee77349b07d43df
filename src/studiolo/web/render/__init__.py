"""Server rendering of documents: untrusted JSON in, safe HTML out; the live page takes the same elements over.

Everything here is a pure function of its input, never raises on odd input, and is bounded in size.

The DOM contract, shared with `web/packages/notebook` (which finds cells and outputs by these names only):

    <article class="doc" data-kind="notebook" data-language="python">
      <div class="toolbar" aria-busy="true"></div>                   room for the live toolbar, so that nothing shifts
      <div class="cells">
        <section class="cell" data-id="ID" data-type="code|markdown|raw" data-sig="S">
          <div class="side"><span class="count">[3]</span></div>
          <div class="body">
            <div class="source"><pre class="code">TEXT</pre></div>        for markdown: <div class="rich">HTML</div>
            <div class="outputs">
              <div class="output" data-kind="K" data-sig="S">...</div>

    <article class="doc" data-kind="text|markdown">
      <div class="toolbar" aria-busy="true"></div>
      <div class="source" data-sig="S"><pre class="code">TEXT</pre></div>

- `data-sig` is `signature()` of the text that an element shows. Equal signatures mean that the live page keeps the
  element as it is; any other value (`truncated`, or none) makes it render the element again from the live document.
- Kinds of output: `stream` (with `data-name`), `error`, `html`, `markdown`, `latex`, `image`, `json`, `text`, and
  `frame` for what only runs in an isolated frame; the live page fills that one.
- Mathematics is `<span class="math" data-display="inline|block">TEX</span>`, typeset later by the live page.
- Colours that are not in the palette are `data-fg`/`data-bg` (#rrggbb): the page sets them through the CSSOM, since
  its Content-Security-Policy refuses style attributes.
"""

from studiolo.web.render.documents import render_document
from studiolo.web.render.items import render_items
from studiolo.web.render.markdown import render_latex, render_markdown
from studiolo.web.render.sanitise import sanitise_html

__all__ = ["render_document", "render_items", "render_latex", "render_markdown", "sanitise_html"]
