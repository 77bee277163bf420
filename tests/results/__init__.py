"""Tests of the results and of the tables of their frames."""
