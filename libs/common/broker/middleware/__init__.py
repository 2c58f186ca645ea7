"""What happens around each run of a job: one concern, one middleware, one file."""
