"""The gateway: the REST API through which jobs come in and are seen, and the metrics of all services in one answer.

Start reading at ``bootstrap.py`` (what it is made of) and ``submission.py`` (what happens to a job at the door).
"""
