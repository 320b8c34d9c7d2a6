"""The tables of a recipe, a module each: its keys, their checks, and what is special about it.

A table joins the others by its field in `pdbuild.recipe.types.Recipe`; the order of those fields
is the order of the tables everywhere.
"""
