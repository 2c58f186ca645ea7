"""Providers: the servers behind a workspace's lines, each with its own wire protocol behind the same small contracts.

:mod:`~libs.common.providers.checking` says what asking for availability means; a folder per provider speaks its
protocol; :mod:`~libs.common.providers.registry` knows which is which.
"""
