"""How a CRM row becomes a lead: plain functions and data, without I/O."""
