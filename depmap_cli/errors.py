"""The errors a user can meet: one line that says what is wrong, one hint that says how to mend it.

Exit codes (documented in README, tested in tests/test_cli.py):
0 done, all scored; 1 run error, all failed; 2 usage; 3 some videos failed or were refused; 4 none
scored, and the quality gate refused at least one.
"""

EXIT_OK, EXIT_RUN, EXIT_USAGE, EXIT_PARTIAL, EXIT_NO_SCORE = range(5)


class DepmapError(Exception):
    """Base of every error the library raises on purpose."""

    exit_code = EXIT_RUN
    reason = "error"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[type["DepmapError"], tuple[str, str]]:
        return type(self), (self.message, self.hint)  # crosses process borders whole

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class UsageProblem(DepmapError):
    """An option that cannot be honoured as given."""

    exit_code = EXIT_USAGE
    reason = "usage"


class VideoUnreadable(DepmapError):
    """A path that is missing, empty, or not a video with decodable pictures."""

    reason = "unreadable video"


class WeightsInvalid(DepmapError):
    """A weights file that is missing, corrupt, foreign, or does not fit the other one."""

    reason = "invalid weights"


class DataInvalid(DepmapError):
    """A corpus, label file or AU table that cannot be used; the message names file and line."""

    reason = "invalid data"


class OutputUnwritable(DepmapError):
    """A result that cannot be written where it was asked for."""

    reason = "output not writable"


class OutOfMemory(DepmapError):
    """The device has too little memory for what was asked."""

    reason = "out of memory"


class InstallationBroken(DepmapError):
    """A dependency that is installed but cannot be loaded."""

    reason = "broken installation"


class DownloadFailed(DepmapError):
    """A file that was asked for is not to be had, or is another one."""

    reason = "download failed"
