"""The marts in Apache Superset: a bundle to import, generated from the project's yml."""
