"""The worker of ``message-processing`` as a program that dies where it is told to."""
