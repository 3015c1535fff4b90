"""The control API, `/v1`: for who runs this installation, never for the public.

guard     who may: a token, or this machine where that is configured; failures are limited
resource  method, type and size of a request; errors as {"error": "a sentence"}
webhook   what a client tells or passes on goes the way of every delivery
stores    connecting stores, and which are
openapi   the description, made from the models
"""
