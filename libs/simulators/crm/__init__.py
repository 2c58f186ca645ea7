"""What the three CRM simulators share: generated people, a table with edits, OAuth tokens, quotas."""
