"""Errors that a user can cause or meet, and the exit codes of the ``depmap`` command.

Each error has a one-line message that says what is wrong and a hint that says what to do.

Exit codes (listed in ``depmap --help`` and in the README):

====  ==========================================================================================
0     success; for ``score``, all videos were scored
1     run error; for ``score``, all videos failed; for ``doctor``, a check failed;
      for ``weights verify``, a file is damaged or missing
2     usage error: an option, argument, setting or path that cannot be used as given
3     ``score``: some videos failed or were refused, or the shared result files were not written
4     ``score``: no video was scored, and at least one was refused for its quality
130   interrupted by Ctrl-C
====  ==========================================================================================
"""

from traceback import format_exception

EXIT_OK, EXIT_ERROR, EXIT_USAGE, EXIT_PARTIAL, EXIT_NO_SCORE = range(5)
EXIT_INTERRUPTED = 130


class DepmapError(Exception):
    """Base class of the errors that the library raises on purpose."""

    exit_code = EXIT_ERROR
    reason = "error"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[type["DepmapError"], tuple[str, ...]]:
        return type(self), (self.message, self.hint)  # pickled for other processes

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class UnexpectedError(DepmapError):
    """An exception that the library did not foresee, with its traceback.

    The traceback is text, so that it reaches the main process from a worker.
    """

    reason = "unexpected error"

    def __init__(self, message: str, hint: str = "", traceback: str = "") -> None:
        super().__init__(message, hint)
        self.traceback = traceback

    def __reduce__(self) -> tuple[type["DepmapError"], tuple[str, ...]]:
        return type(self), (self.message, self.hint, self.traceback)

    @classmethod
    def of(cls, error: Exception, activity: str = "") -> "UnexpectedError":
        """Describe ``error``, raised during ``activity`` ("while ..."), by its type and traceback.

        The message of ``error`` appears in the traceback only, because it may hold private paths.
        """
        message = f"unexpected {type(error).__name__} {activity}".rstrip()
        return cls(message, "report this error", "".join(format_exception(error)))


class UsageProblem(DepmapError):
    """An option or argument that cannot be used as given."""

    exit_code = EXIT_USAGE
    reason = "usage"


class VideoUnreadable(DepmapError):
    """A path that is missing, empty, or not a video with decodable frames."""

    reason = "unreadable video"


class WeightsInvalid(DepmapError):
    """A weights file that is missing, corrupt, of another program, or does not match another."""

    reason = "invalid weights"


class DataInvalid(DepmapError):
    """A corpus, label file or AU table that cannot be used; the message names file and line."""

    reason = "invalid data"


class OutputUnwritable(DepmapError):
    """A result that cannot be written to the path given for it."""

    reason = "output not writable"


class OutOfMemory(DepmapError):
    """The device has too little memory for the requested work."""

    reason = "out of memory"


class InstallationBroken(DepmapError):
    """A dependency that is installed but cannot be loaded."""

    reason = "broken installation"


class DownloadFailed(DepmapError):
    """A requested file that cannot be downloaded, or whose content is not the expected one."""

    reason = "download failed"
