"""What a march asks of a tier."""

from __future__ import annotations

from typing import Any, Protocol

from jax import Array

from kernels.events import States


class Tier(Protocol):
    """What carries the states from one stop to the next.

    Attributes:
        restarts: outputs are stops too (stepping methods); otherwise they are evaluated from the last event.
        dense: outputs are looked at in a way of their own, `reach`: as `advance`, with how far steps may go on at most.
    """

    restarts: bool
    dense: bool

    def prepare(self, parameters: Any) -> Any:
        """What is computed once per parameter segment."""
        ...

    def begin(self, prepared: Any, states: States, rates: States, time: Array) -> Any:
        """The tier's own memory (step size, status) at the start or after an event."""
        ...

    def advance(
        self, prepared: Any, states: States, rates: States, memory: Any, time: Array, elapsed: Array
    ) -> tuple[States, Any]:
        """States after `elapsed` >= 0 with constant input `rates`, and the memory then."""
        ...

    def after_event(self, prepared: Any, states: States, rates: States, memory: Any, time: Array) -> Any:
        """The memory after states or rates have jumped."""
        ...

    def status(self, memory: Any) -> Array:
        """Codes of kernels.status, int32 (patient)."""
        ...
