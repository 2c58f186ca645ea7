"""How the system is deployed: the table of workloads, and what is generated from it and from the job contracts."""
