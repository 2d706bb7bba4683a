"""Places where a test kills the process for real: ``POSTLOAN_FAIL=publish:mid`` dies with SIGKILL there."""

import os
import signal


def failpoint(name: str) -> None:
    """Die here when the environment names this point (``step:before``, ``step:mid`` or ``step:after``)."""
    if os.environ.get("POSTLOAN_FAIL") == name:
        os.kill(os.getpid(), signal.SIGKILL)
