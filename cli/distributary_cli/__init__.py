"""The `distributary` command."""
