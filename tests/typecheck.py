"""Runtime checks of signatures under pytest: beartype, taking an int where a float is asked for."""

from beartype import BeartypeConf, beartype

numeric_tower = beartype(conf=BeartypeConf(is_pep484_tower=True))
