"""The pages: each gathers what it shows, and takes the decisions that are made on it."""
