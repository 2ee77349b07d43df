"""The composition root: settings become services, services become the keeper, the hub, a worker or a command."""
