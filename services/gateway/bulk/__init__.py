"""Actions on many jobs at once: which jobs a filter means, how many they are, and carrying the action out as a job."""
