"""The CRMs: one contract, one adapter per CRM over its own client library, and what all of them need around it."""
