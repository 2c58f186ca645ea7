"""The command line `tuco-jobs`: one module per command under ``commands``, what they share beside it.

Exit statuses, for scripts: 0 done; 1 it ran and failed (a failed job, an unhealthy system, refused rows); 2 the command
cannot be carried out as given (usage, input, settings, a refused token); 3 a server does not answer; 130 Ctrl-C; 141
nobody reads on.
"""
