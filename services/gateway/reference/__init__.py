"""The page at ``/docs``: the OpenAPI document for people, written by the server, without scripts."""
