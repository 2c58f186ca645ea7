"""What the services share: job contracts, broker, ledger, stores, providers, settings, logging and metrics."""
