"""The scheduler: turns schedules into jobs, each tick once, with any number of schedulers and no leader.

``ticks`` decides, ``emitter`` acts, ``service`` keeps time.
"""
