"""BlueBubbles: a server that its owner runs on a Mac; the default provider."""
