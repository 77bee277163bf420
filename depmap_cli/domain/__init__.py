"""BDI-II severity bands, facial action units, and the tables of the paper. No torch."""
