"""Sessions for development: ``nox -s test``, ``lint``, ``docs`` and ``bench``."""

import nox

nox.options.sessions = ["lint", "test"]
nox.options.reuse_existing_virtualenvs = True


@nox.session
def test(session: nox.Session) -> None:
    """Run the tests; arguments go to pytest, e.g. ``nox -s test -- -m ""`` for all of them."""
    session.install("-e", ".[test,docs]")
    session.run("pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, format and types."""
    session.install("-e", ".[test]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; a broken link is an error."""
    session.install("-e", ".[docs]")
    session.run("mkdocs", "build", "--strict", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure speed; arguments go to ``benchmarks/speed.py``."""
    session.install("-e", ".[test]")
    session.run("python", "benchmarks/speed.py", *session.posargs)
