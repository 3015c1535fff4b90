"""Tokens of the control API, and stores that were connected through it: what lies in tajo.connection.v1."""
