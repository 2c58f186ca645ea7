"""The dashboard: pages that say what is wrong and let an engineer mend it, written by the server.

Every page works without scripts; everything that comes from jobs, people or providers is shown as inert text.
"""
