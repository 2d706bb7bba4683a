"""The one error that people are meant to read."""


class PostloanError(Exception):
    """Something that a person must know or do: what happened, where, what was not done, and the next command.

    ``what`` names the file, row, date or run. ``next_command`` is one that can be pasted into a shell.
    """

    def __init__(self, what: str, *, next_command: str | None = None) -> None:
        self.what = what
        self.next_command = next_command
        super().__init__(what if next_command is None else f"{what}\n  next: {next_command}")


class RefusedError(PostloanError):
    """A rule of the pipeline forbids the request (sealed run, lost base, policy of a published date)."""


class DeliveryError(PostloanError):
    """A delivery cannot be landed: manifest, file or contract."""


class LateDeliveryError(DeliveryError):
    """A required delivery has not arrived by its deadline."""


class SourceError(PostloanError):
    """A source could not be fetched from: unreachable, failing, or contradicting itself. It may heal by itself."""


class AuditError(PostloanError):
    """Great Expectations refused a candidate; nothing was published."""


class WriterBusyError(PostloanError):
    """Another run holds the warehouse."""


class SupersededError(PostloanError):
    """This attempt lost its right to write: a newer attempt or another run took over."""
