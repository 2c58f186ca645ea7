"""The run itself: reads pages, turns them into leads, writes both leads and checkpoint in one transaction."""
