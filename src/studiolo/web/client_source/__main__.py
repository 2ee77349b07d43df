"""`python -m studiolo.web.client_source`: write the generated part of `src/studiolo/client`."""

from pathlib import Path

from studiolo.web.client_source.files import write

write(Path(__file__).parents[2] / "client")
