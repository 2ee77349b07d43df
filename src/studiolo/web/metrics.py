"""Figures for operators at `/metrics`, in Prometheus' format.

They tell which calls are made and how often, so they are for the addresses that the operator names, and for an
administrator's API key; for everybody else there is nothing at this address.
"""

from collections.abc import Awaitable, Callable, Collection

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from studiolo.core.errors import EndpointUnknown
from studiolo.web.client_address import Networks, client_address, is_address_certain

Reader = Callable[[], Awaitable[float]]
Check = Callable[[Request], Awaitable[bool]]

_DURATIONS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The figures of one hub; each hub has its own, so that two can live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter("studiolo_requests", "Requests answered.", ["call", "status"], registry=self.registry)
        self._durations = Histogram(
            "studiolo_request_duration_seconds",
            "Time from a request's arrival to the end of its answer.",
            ["call"],
            buckets=_DURATIONS,
            registry=self.registry,
        )
        self._readers: list[tuple[Gauge, Reader]] = []

    def observe_request(self, call: str, status: int, seconds: float) -> None:
        """Count one answered request; `call` must come from a closed set of names."""
        self._requests.labels(call, str(status)).inc()
        self._durations.labels(call).observe(seconds)

    def add_gauge(self, name: str, description: str, read: Reader) -> None:
        """Add a figure that is read whenever the metrics are, such as the number of running projects."""
        self._readers.append((Gauge(f"studiolo_{name}", description, registry=self.registry), read))

    async def text(self) -> bytes:
        """Return all figures in Prometheus' text format."""
        for gauge, read in self._readers:
            gauge.set(await read())
        return generate_latest(self.registry)


def routes(metrics: Metrics, addresses: Collection[str], is_administrator: Check) -> list[Route]:
    """Return the route of `/metrics`, for callers from the `addresses` (or networks) and for administrators."""
    networks = Networks(addresses)

    async def may_see(request: Request) -> bool:
        is_near = is_address_certain(request.scope) and client_address(request.scope) in networks
        return is_near or await is_administrator(request)

    async def show_metrics(request: Request) -> Response:
        if not await may_see(request):
            raise EndpointUnknown("There is nothing at this address.")
        return Response(await metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return [Route("/metrics", show_metrics, methods=["GET"])]
