"""Tests of the last room; a package, so that its conftest is not taken for the suite's."""
