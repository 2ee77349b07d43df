"""Figures for operators at `/metrics`, in Prometheus' format."""

from collections.abc import Awaitable, Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Reader = Callable[[], Awaitable[float]]

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


def routes(metrics: Metrics) -> list[Route]:
    """Return the route of `/metrics`."""

    async def show_metrics(_request: Request) -> Response:
        return Response(await metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return [Route("/metrics", show_metrics, methods=["GET"])]
